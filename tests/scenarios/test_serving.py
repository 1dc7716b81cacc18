"""The reference server alone."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import jwt
import pytest

from harness.errors import UsageError
from scenarios.serving import Ports, ServeSettings, addresses, command, serve

SECRET = "a-secret-of-at-least-thirty-two-bytes"


def test_the_command_line_carries_ports_database_defects_and_the_lifeline() -> None:
    settings = ServeSettings(database="chat.db", defects=("event-lost", "hang-create"))

    line = " ".join(command(settings)[1:])

    assert line == (
        "-m harness.server --lifeline --host 127.0.0.1 --api-port 3000 --realtime-port 4000 "
        "--admin-port 4100 --database chat.db --defect event-lost --defect hang-create"
    )


def test_the_addresses_come_with_a_key_and_a_token_of_the_secret() -> None:
    ports = Ports(api_port=3000, realtime_port=4000, admin_port=4100)

    text = addresses("127.0.0.1", ports, secret=SECRET, now_unix_s=1_700_000_000)

    assert "http://127.0.0.1:3000/api/messages" in text
    assert "ws://127.0.0.1:4000/realtime/v1/websocket" in text
    tokens = re.findall(r"eyJ[\w.-]+", text)
    roles = [
        jwt.decode(
            token,
            SECRET,
            algorithms=["HS256"],
            options={
                "verify_signature": True,
                "verify_exp": False,
                "verify_iat": False,
                "verify_aud": False,
            },
        )["role"]
        for token in tokens
    ]
    assert roles == ["anon", "authenticated"]


def _serve(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from scenarios.cli import main; main()", "serve", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.e2e
def test_serve_prints_its_addresses_answers_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    free = ("--api-port", "0", "--realtime-port", "0", "--admin-port", "0")
    with _serve(*free, "--database", str(tmp_path / "chat.db")) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        api = re.match(r"API +(http://127\.0\.0\.1:\d+)/", line)
        assert api is not None
        assert httpx.get(f"{api[1]}/health", trust_env=False).status_code == 200

        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)

    assert process.returncode == 0
    assert errors == ""
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{api[1]}/health", trust_env=False)


@pytest.mark.e2e
def test_serve_names_an_occupied_port_in_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with _serve("--api-port", str(port)) as process:
            _, errors = process.communicate(timeout=20)

    assert process.returncode == 3
    assert errors.count("\n") == 1
    assert f"port {port}" in errors
    assert "--api-port" in errors


def test_a_port_given_twice_is_named_with_both_options() -> None:
    settings = ServeSettings(database="unused.db", api_port=3000, realtime_port=3000)
    with pytest.raises(UsageError, match="--api-port and --realtime-port are both 3000"):
        serve(settings, {}, lambda _line: None)
