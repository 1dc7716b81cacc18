"""The whole of supabase-js: Auth, PostgREST and Realtime behind one address."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import httpx
import pytest

from harness.tokens import mint_anon
from tests.conformance import install
from tests.conformance.rows import Row
from tests.harness.server.builders import SECRET
from tests.harness.server.running import Server

pytestmark = pytest.mark.e2e

EMAIL = "anna@example.org"
PASSWORD = "correct horse battery"
PATIENCE_S = 60

Steps = dict[str, Any]


@pytest.fixture(scope="module")
def steps(server: Server) -> Steps:
    """What each step of the visit told, by name."""
    install.node_modules()
    account = {"email": EMAIL, "password": PASSWORD, "webinars": {"*": "attendee"}}
    enrolled = httpx.post(f"{server.admin_url}/accounts", content=json.dumps(account))
    assert enrolled.status_code == 200, enrolled.text
    visit = {
        "url": f"http://127.0.0.1:{server.realtime_port}",
        "key": mint_anon(SECRET, issued_at_unix_s=int(time.time())),
        "email": EMAIL,
        "password": PASSWORD,
        "webinar": 42,
    }
    done = subprocess.run(
        ["node", "supabase.mjs", json.dumps(visit)],
        cwd=install.NODE,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return {one.pop("step"): one for one in told}


def row(steps: Steps, body: str) -> Row:
    """The row as it should be at some moment, from what the insert told of it."""
    return {**steps["inserted"]["data"], "body": body}


def change(steps: Steps, step: str, event: str, *, new: Row, old: Row) -> Row:
    timestamp = steps[step]["heard"]["commit_timestamp"]
    table = {"schema": "public", "table": "messages", "errors": None}
    return {**table, "commit_timestamp": timestamp, "eventType": event, "new": new, "old": old}


def test_a_wrong_password_is_told_by_its_code(steps: Steps) -> None:
    error = {"code": "invalid_credentials", "message": "Invalid login credentials", "status": 400}

    assert steps["wrong password"]["error"] == error


def test_the_right_one_signs_in_as_the_account(steps: Steps) -> None:
    user = steps["signed in"]["user"]

    assert (user["email"], user["role"], user["aud"]) == (EMAIL, *["authenticated"] * 2)
    assert steps["signed in"]["type"] == "bearer"
    assert steps["user"]["data"]["user"]["id"] == user["id"]


def test_realtime_takes_the_session_for_the_user(steps: Steps) -> None:
    assert steps["subscribed"]["status"] == "SUBSCRIBED"
    assert steps["subscribed"]["system"]["message"] == "Subscribed to PostgreSQL"


def test_an_insert_answers_with_the_row_that_realtime_brings(steps: Steps) -> None:
    inserted = steps["inserted"]

    assert inserted["error"] is None
    assert inserted["data"]["user_id"] == steps["signed in"]["user"]["id"]
    assert inserted["asked"].items() <= inserted["data"].items()
    new = row(steps, "hello")
    assert inserted["heard"] == change(steps, "inserted", "INSERT", new=new, old={})


def test_a_repeated_insert_meets_the_unique_key(steps: Steps) -> None:
    assert steps["inserted twice"]["error"]["code"] == "23505"


def test_an_update_answers_with_the_row_that_realtime_brings(steps: Steps) -> None:
    new = row(steps, "hello again")

    assert steps["updated"]["data"] == new
    old = {"id": new["id"]}
    assert steps["updated"]["heard"] == change(steps, "updated", "UPDATE", new=new, old=old)


def test_polls_read_the_row_once(steps: Steps) -> None:
    assert steps["polled"] == {"data": [row(steps, "hello again")], "error": None}
    assert steps["polled on"] == {"data": [], "error": None}


def test_a_refresh_rotates_both_tokens_and_renews_the_subscription(steps: Steps) -> None:
    refreshed = steps["refreshed"]

    assert (refreshed["error"], refreshed["renewed"], refreshed["rotated"]) == (None, True, True)
    assert refreshed["system"]["message"] == "Subscribed to PostgreSQL"


def test_a_delete_answers_with_the_row_that_was(steps: Steps) -> None:
    assert steps["deleted"] == {"data": row(steps, "hello again"), "error": None}


def test_leaving_and_signing_out_end_it(steps: Steps) -> None:
    assert steps["left"] == {"answer": "ok", "status": "CLOSED"}
    assert steps["signed out"]["error"] is None
    assert steps["signed out"]["events"][-1] == "SIGNED_OUT"
    assert steps["read by nobody"] == {"data": [], "error": None}
