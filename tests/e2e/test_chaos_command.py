"""``chatquake chaos`` with all its real parts, and a real Chromium that goes through them."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.chaos_command import CHATQUAKE, chaos_command
from tests.support.chat_page import ChatPage
from tests.support.chromium import chromium_page, find_chromium
from tests.support.required import skip_or_fail

pytestmark = pytest.mark.e2e

TWO_COHORTS = """
name = "two-browsers"
title = { en = "Two browsers", ko = "두 브라우저" }
description = { en = "One of two is cut off.", ko = "둘 중 하나가 끊깁니다." }
duration_s = 20
settle_s = 2
warmup_s = 1
recovery_s = 5

[load]
users = 4
spawn_rate = 4
room_size = 4
messages_per_s_per_room = 1.0

[[cohorts]]
name = "office"
share = 0.5
policy = "plan-reviewed"

[[cohorts]]
name = "home"
share = 0.5
policy = "plan-reviewed"
overrides = { poll_period_s = 1.5 }

[[faults]]
name = "filter"
kind = "upgrade_refused"
on = "realtime"
cohorts = ["office"]
status = 403
at_s = 1
for_s = 4
"""


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    path = tmp_path / "two-browsers.toml"
    path.write_text(TWO_COHORTS, encoding="utf-8")
    return str(path)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command makes its temporary folder."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def people(tmp_path: Path) -> Iterator[tuple[ChatPage, ChatPage]]:
    program = find_chromium()
    if program is None:
        skip_or_fail("no Chromium on PATH")
    with ExitStack() as stack:
        alice, zoe = (
            ChatPage(stack.enter_context(chromium_page(program, tmp_path / name)))
            for name in ("alice", "zoe")
        )
        yield alice, zoe


def is_free(address: str) -> bool:
    """Whether nobody listens there."""
    parts = urlsplit(address)
    with socket.socket() as probe:
        return probe.connect_ex((str(parts.hostname), int(parts.port or 0))) != 0


def all_addresses(ready: dict[str, Any]) -> list[str]:
    return [
        ready["direct_page"],
        *(p[side] for p in ready["pages"] for side in ("api", "realtime")),
    ]


def test_the_page_polls_while_the_websocket_is_refused_and_comes_back_with_receipts(
    people: tuple[ChatPage, ChatPage],
) -> None:
    alice, zoe = people
    with chaos_command("refused") as chaos:
        ready = chaos.ready()
        alice.page.open(f"{ready['pages'][0]['page']}&lang=en")
        zoe.page.open(f"{ready['direct_page']}&lang=en")
        alice.wait_for(transport="live")
        zoe.wait_for(transport="live")

        chaos.say("1")
        chaos.wait_for("on", fault="refused-realtime")
        first = chaos.wait_for("first_effect", fault="refused-realtime")
        assert first["after_ms"] >= 0
        alice.wait_for(transport="errored", polling="on", pollingReason="socket_failures")  # F1
        zoe.send("over the poll")
        alice.wait_for_line("over the poll")
        alice.send("and back")  # the API is not hit
        zoe.wait_for_line("and back")
        zoe.wait_for(transport="live", polling="off")

        chaos.say("refused-realtime")
        chaos.wait_for("off", fault="refused-realtime")
        alice.wait_for(transport="joined")
        zoe.send("live again")
        alice.wait_for(transport="live", polling="off")  # F2
        alice.wait_for_line("live again")
        receipt = chaos.wait_for("receipt", fault="refused-realtime")
        assert receipt["problems"] == []
        assert "connect refused" in receipt["effect"]["en"]

        chaos.say("q")
        code, errors = chaos.end()
    assert (code, errors) == (0, "")
    assert chaos.of("end") == [{"event": "end", "exit_code": 0, "proved": 1, "unproved": 0}]
    assert chaos.left_behind() == []
    assert all(map(is_free, all_addresses(ready)))


def test_a_send_through_a_silent_api_fails_on_the_page_and_live_updates_go_on(
    people: tuple[ChatPage, ChatPage],
) -> None:
    alice, zoe = people
    with chaos_command("half_open", "--set", "on=api") as chaos:
        ready = chaos.ready()
        alice.page.open(f"{ready['pages'][0]['page']}&lang=en&ack_timeout_s=2")
        zoe.page.open(f"{ready['direct_page']}&lang=en")
        alice.wait_for(transport="live")
        chaos.say("half_open")
        chaos.wait_for("first_effect")
        alice.send("hello?")
        alice.wait_for_line("hello?", state="failed")  # S3
        zoe.send("I can be seen")
        alice.wait_for_line("I can be seen")
        chaos.say("0")
        assert chaos.wait_for("receipt")["problems"] == []


def test_a_timeline_plays_by_itself_on_the_cohort_that_it_is_for(scenario: str) -> None:
    with chaos_command(scenario, "--in", "1", stdin=subprocess.DEVNULL) as chaos:
        ready = chaos.ready()
        assert [each["cohort"] for each in ready["pages"]] == ["office", "home"]
        assert "poll_period_s=1.5" in ready["pages"][1]["page"]
        assert all(
            "text/html" in httpx.get(each["page"], trust_env=False).headers["content-type"]
            for each in ready["pages"]
        )
        code, errors = chaos.end()
    assert (code, errors) == (0, "")
    (receipt,) = chaos.of("receipt")
    assert (receipt["fault"], receipt["problems"]) == ("filter", [])
    assert "handshake failed" in receipt["effect"]["en"]


def test_a_timeline_waits_for_the_tester_and_can_be_played_twice(scenario: str) -> None:
    with chaos_command(scenario) as chaos:
        chaos.ready()
        assert "Enter" in chaos.wait_for("note")["text"]["en"]
        for name in ("filter", "filter (2)"):
            chaos.say("")
            assert chaos.wait_for("receipt", fault=name)["problems"] == []
        chaos.say("q")
        assert chaos.end()[0] == 0


def test_faults_that_do_not_go_together_are_refused_and_the_first_stays() -> None:
    with chaos_command("refused", "half_open", "--set", "on=realtime") as chaos:
        chaos.ready()
        for line in ("refused", "half_open", "nonsense", "?"):
            chaos.say(line)
        state = chaos.wait_for("state")
        assert state["faults"]["refused"] is not None
        assert state["faults"]["half_open"] is None
        said = [each["text"]["en"] for each in chaos.of("note")]
        assert any("half_open cannot begin now" in text for text in said)
        assert any("'nonsense': is no fault" in text for text in said)


def test_faults_in_the_server_are_played_by_key_and_proved_each_time() -> None:
    with chaos_command("server", "kill", "--set", 'server.defects=["event-twice"]') as chaos:
        chaos.ready()
        for line, name in (("1", "server"), ("1", "server (2)"), ("kill", "kill")):
            chaos.say(line)
            chaos.wait_for("first_effect", fault=name)
            chaos.say(line)
            assert chaos.wait_for("receipt", fault=name)["problems"] == []
        chaos.say("q")
        assert chaos.end() == (0, "")
    assert chaos.left_behind() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_heals_and_leaves_nothing(number: signal.Signals, temporary: Path) -> None:
    with chaos_command("half_open", "upgrade_page") as chaos:
        ready = chaos.ready()
        assert set(chaos.family()) == {"server", "guard", "toxiproxy", "relay"}
        chaos.say("half_open-realtime")
        chaos.say("upgrade_page")
        chaos.wait_for("on", fault="upgrade_page")
        chaos.child.send_signal(number)
        code, errors = chaos.end()
    assert (code, errors) == (0, "")
    assert {each["fault"] for each in chaos.of("off")} == {"half_open-realtime", "upgrade_page"}
    assert list(temporary.iterdir()) == []
    assert chaos.left_behind() == []
    assert all(map(is_free, all_addresses(ready)))


@pytest.mark.usefixtures("temporary")
def test_a_kill_leaves_nothing_running_and_its_ports_free() -> None:
    with chaos_command("refused", "upgrade_page") as chaos:
        ready = chaos.ready()
        chaos.say("upgrade_page")
        chaos.wait_for("on", fault="upgrade_page")
        chaos.child.kill()
        assert chaos.end()[0] == -signal.SIGKILL
        assert chaos.left_behind() == []
        assert all(map(is_free, all_addresses(ready)))


@pytest.mark.usefixtures("temporary")
def test_a_part_of_the_rig_that_dies_is_named_in_one_line_and_its_logs_are_kept() -> None:
    with chaos_command("refused") as chaos:
        chaos.ready()
        chaos.family()["toxiproxy"].kill()
        code, errors = chaos.end()
    assert code == 3
    assert errors.count("\n") == 1
    assert "Toxiproxy ended" in errors
    logs = Path(errors.partition("(logs: ")[2].strip().removesuffix(")"))
    assert (logs / "toxiproxy.log").exists()
    assert chaos.left_behind() == []


def test_on_a_terminal_single_keys_do_it_and_the_terminal_is_afterwards_as_it_was() -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    child = subprocess.Popen(
        [*CHATQUAKE, "chaos", "refused"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
    )
    try:
        shown = ""
        for wanted, typed in (("q ends", "1"), ("first effect", "1"), ("receipt:", "q")):
            shown = _read_until(ours, wanted)
            os.write(ours, typed.encode())
        assert "refused-realtime" in shown
        _read_until(ours, "All is healed and stopped")
        assert child.wait(30) == 0
        assert termios.tcgetattr(theirs) == before
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        os.close(ours)
        os.close(theirs)


def _read_until(terminal: int, wanted: str) -> str:
    shown, deadline_s = "", time.monotonic() + 60
    while wanted not in shown:
        assert time.monotonic() < deadline_s, shown
        if select.select([terminal], [], [], 0.5)[0]:
            shown += os.read(terminal, 65536).decode(errors="replace")
    return shown
