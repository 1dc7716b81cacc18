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
import psutil
import pytest

from harness.errors import UsageError
from harness.server.defects import Defect
from harness.server.knob_values import parse_knobs
from harness.server.knobs import Knobs
from harness.server.listeners import Ports
from scenarios.serve_secret import JwtSecret
from scenarios.serving import (
    ServeSettings,
    addresses,
    command,
    defect_lines,
    knob_lines,
    serve,
)

SECRET = "a-secret-of-at-least-thirty-two-bytes"


FREE = ("--api-port", "0", "--realtime-port", "0", "--admin-port", "0")
PORTS = Ports(api_port=3000, realtime_port=4000, admin_port=4100)


def said(settings: ServeSettings, now_unix_s: int = 1_700_000_000) -> str:
    secret = JwtSecret(SECRET, "of a test", made_unix_s=1_600_000_000.0)
    return addresses(settings, PORTS, secret=secret, now_unix_s=now_unix_s)


def test_the_command_line_carries_all_settings_the_page_and_the_lifeline() -> None:
    settings = ServeSettings(
        database="chat.db", defects=("event-lost", "hang-create"), knobs=("idle_timeout_s=5",)
    )

    line = " ".join(command(settings)[1:])

    assert line == (
        "-m harness.server --lifeline --page --host 127.0.0.1 --admin-host 127.0.0.1 "
        "--api-port 3000 --realtime-port 4000 --admin-port 4100 --defect event-lost "
        "--defect hang-create --knob idle_timeout_s=5"
    )


def test_the_database_is_on_no_command_line() -> None:
    url = "postgresql://me:secret@127.0.0.1:5432/chat"

    assert "secret" not in " ".join(command(ServeSettings(database=url)))


def test_the_page_comes_first_with_two_people_to_be() -> None:
    lines = said(ServeSettings(database="chat.db")).splitlines()
    assert lines[:3] == [
        "Chat page  http://127.0.0.1:3000/",
        "  alice    http://127.0.0.1:3000/?user=alice&room=42",
        "  bob      http://127.0.0.1:3000/?user=bob&room=42",
    ]
    assert lines[-1] == "Ctrl-C stops it."


def test_a_healthy_server_says_so() -> None:
    lines = said(ServeSettings(database="chat.db")).splitlines()
    assert "Defects    none" in lines
    assert "Knobs      as hosted Supabase" in lines
    assert "Database   chat.db" in lines


def test_what_holds_is_said_with_its_meaning() -> None:
    text = said(
        ServeSettings(
            database="chat.db",
            keeps=False,
            defects=("hang-create", "event-lost"),
            knobs=("idle_timeout_s=5",),
        )
    )
    assert "Defect     event-lost: every 20th INSERT" in text
    assert "Defect     hang-create: the create route never answers" in text
    assert "Knob       idle_timeout_s=5" in text
    assert "Database   chat.db (removed at the end)" in text


def test_a_database_s_password_is_not_shown() -> None:
    url = "postgresql://me:hunter2@127.0.0.1:5432/chat?password=hunter2"
    text = said(ServeSettings(database=url))
    assert "Database   postgresql://127.0.0.1:5432/chat\n" in text
    assert "hunter2" not in text


def test_every_defect_and_every_knob_is_listed_in_one_line_with_its_meaning() -> None:
    assert [line.split()[0] for line in defect_lines()] == [str(one) for one in Defect]
    lines = knob_lines()
    assert [line.split("=")[0] for line in lines] == list(Knobs.__struct_fields__)
    assert [line for line in lines if len(line.split()) < 4] == []
    assert "replica_identity_full=false " in "\n".join(lines)
    assert all(line.endswith("]") for line in lines)
    assert "system_ok_delay_s=0.05 " in lines[0]
    assert lines[0].endswith(" [a number of seconds from 0 to 31536000]")


def test_the_listed_defaults_are_taken_as_they_are_listed() -> None:
    assert parse_knobs(line.split()[0] for line in knob_lines()) == Knobs()


def test_the_addresses_come_with_a_key_and_a_token_of_the_secret() -> None:
    text = said(ServeSettings(database="chat.db"))

    assert "http://127.0.0.1:3000/api/messages" in text
    assert "ws://127.0.0.1:4000/realtime/v1/websocket" in text
    assert "http://127.0.0.1:4000 (Auth, REST and Realtime)" in text
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


def test_the_api_key_of_a_kept_secret_stays_the_same() -> None:
    settings = ServeSettings(database="chat.db")

    first, later = (re.findall(r"eyJ[\w.-]+", said(settings, now)) for now in (10**9, 10**9 + 60))

    assert first[0] == later[0]
    assert first[1] != later[1]


def _serve(*options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from scenarios.cli import main; main()", "serve", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.e2e
def test_serve_prints_its_addresses_answers_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    database = tmp_path / "chat.db"
    with _serve(*FREE, "--database", str(database)) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        api = re.match(r"Chat page +(http://127\.0\.0\.1:\d+)/", line)
        assert api is not None
        page = httpx.get(f"{api[1]}/", trust_env=False)
        assert page.headers["content-type"].startswith("text/html")
        assert httpx.get(f"{api[1]}/health", trust_env=False).status_code == 200
        (server,) = psutil.Process(process.pid).children()
        assert str(database) not in server.cmdline()
        assert database.exists()

        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)

    assert process.returncode == 0
    assert errors == ""
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{api[1]}/health", trust_env=False)


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_serve_removes_the_database_it_made_however_it_is_stopped(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with _serve(*FREE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert list(tmp_path.glob("*/chat.db")) != []

        process.send_signal(number)
        process.communicate(timeout=20)

    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.e2e
def test_a_second_server_on_one_file_is_refused_in_one_line(tmp_path: Path) -> None:
    database = str(tmp_path / "chat.db")
    with _serve(*FREE, "--database", database) as first:
        assert first.stdout is not None
        first.stdout.readline()

        with _serve(*FREE, "--database", database) as second:
            _, errors = second.communicate(timeout=20)
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=20)

    assert second.returncode == 2
    assert errors.count("\n") == 1
    assert "another server uses this database" in errors
    assert first.returncode == 0


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("database", "named"),
    [
        ("nowhere/chat.db", "there is no directory"),
        ("notes.txt", "is no SQLite database"),
        ("", "--database: is empty"),
    ],
)
def test_a_database_that_cannot_be_one_is_one_line_and_leaves_nothing_beside_it(
    database: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_text("Not a database at all.")
    with _serve(*FREE, "--database", database and str(tmp_path / database)) as process:
        _, errors = process.communicate(timeout=20)

    assert process.returncode == 2
    assert errors.count("\n") == 1
    assert named in errors
    assert [one.name for one in tmp_path.iterdir()] == ["notes.txt"]


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


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (ServeSettings(database="unused.db", defects=("no-such",)), "--defect no-such"),
        (ServeSettings(database="unused.db", knobs=("no_such=1",)), "--knob no_such:"),
    ],
)
def test_what_is_unknown_is_named_before_anything_is_started(
    settings: ServeSettings, named: str
) -> None:
    with pytest.raises(UsageError, match=named):
        serve(settings, {}, lambda _line: None)
