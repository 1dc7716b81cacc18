"""Sessions of a real server process that is killed and started again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.tokens import mint_anon
from tests.harness.server.builders import SECRET
from tests.harness.server.running import WAIT_S, Server, running, start

pytestmark = pytest.mark.e2e

ENROLMENT = '{"email":"ann@example.com","password":"secret-1","webinars":{"*":"attendee"}}'


def ask(server: Server, path: str, body: dict[str, str] | None, bearer: str = "") -> Any:
    headers = {"apikey": mint_anon(SECRET, issued_at_unix_s=int(time.time()))}
    if bearer:
        headers["Authorization"] = f"Bearer {bearer}"
    response = httpx.request(
        "GET" if body is None else "POST",
        f"http://127.0.0.1:{server.realtime_port}/auth/v1/{path}",
        json=body,
        headers=headers,
        timeout=WAIT_S,
        trust_env=False,
    )
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
def test_sessions_go_on_after_the_server_was_killed(tmp_path: Path, algorithm: str) -> None:
    options = ("--jwt-algorithm", algorithm)
    with running(tmp_path / "chat.db", *options) as server:
        enrolled = httpx.post(
            f"{server.admin_url}/accounts", content=ENROLMENT, timeout=WAIT_S, trust_env=False
        ).json()
        granted = ask(
            server,
            "token?grant_type=refresh_token",
            {"refresh_token": enrolled["refresh_token"]},
        )
        server.process.kill()
        server.wait()
    with running(tmp_path / "chat.db", *options) as server:
        user = ask(server, "user", None, granted["access_token"])
        again = ask(
            server,
            "token?grant_type=refresh_token",
            {"refresh_token": granted["refresh_token"]},
        )
        created = httpx.post(
            f"{server.api_url}/api/messages/create",
            json={
                "webinarId": 42,
                "clientMsgId": "22222222-2222-4222-8222-222222222222",
                "body": "hi",
            },
            headers={"Authorization": f"Bearer {granted['access_token']}"},
            timeout=WAIT_S,
            trust_env=False,
        )

    assert user["id"] == again["user"]["id"] == enrolled["user_id"]
    assert again["refresh_token"] != granted["refresh_token"]
    assert created.status_code == 200


def test_a_private_key_that_is_none_is_one_line_and_exit_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATQUAKE_JWT_PRIVATE_KEY", "no key")
    with start(tmp_path / "chat.db") as process:
        out, err = process.communicate(timeout=WAIT_S)

    assert (process.returncode, out) == (2, "")
    assert err == "JWT private key: is no private key in PEM without a password\n"
