"""The load's end of the conductor, with a child that is played by the test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import gevent.subprocess
import msgspec
import pytest
from gevent.queue import Queue

from harness.rundir import RunDir
from scenarios import conductor_link as module
from scenarios.conductor_link import ConductorLink
from scenarios.messages import (
    Audited,
    Broken,
    CannotRun,
    End,
    FaultsOn,
    FromConductor,
    ToConductor,
)
from tests.support.fake_runtime import READY

END = End(ended_at_s=60.0)


class FakeStdin:
    """A pipe to the child; broken once the child is gone, as a buffered file over a pipe is."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.broken = False
        self.closed = False
        self._unsent = False

    def write(self, line: bytes) -> None:
        self.lines.append(line)
        self._unsent = True

    def flush(self) -> None:
        if self.broken and self._unsent:
            raise BrokenPipeError
        self._unsent = False

    def close(self) -> None:
        self.closed = True
        self.flush()


class FakeChild:
    """A conductor of which the test says what it tells and when it dies."""

    def __init__(self) -> None:
        self.stdin = FakeStdin()
        self.stdout: Any = Queue()
        self.stays = False
        self.kills = 0

    def tells(self, *messages: FromConductor) -> None:
        for message in messages:
            self.stdout.put(msgspec.json.encode(message) + b"\n")
        gevent.sleep(0)

    def dies(self) -> None:
        self.stdin.broken = True
        self.stdout.put(StopIteration)
        gevent.sleep(0)

    def wait(self, timeout: float | None = None) -> int:
        if self.stays and timeout is not None and not self.kills:
            raise gevent.subprocess.TimeoutExpired("conductor", timeout)
        return 0

    def kill(self) -> None:
        self.kills += 1


class Linked:
    """A link, its child and what was heard."""

    def __init__(self, run: RunDir) -> None:
        self.child = FakeChild()
        self.heard: list[FromConductor] = []
        self.log = run.logs / "conductor.log"
        self.started: list[str] = []
        self._run = run
        self.link: ConductorLink

    def popen(self, command: list[str], **_: Any) -> FakeChild:
        self.started = command
        return self.child

    def start(self) -> ConductorLink:
        self.link = ConductorLink(self._run, "ko", self.heard.append)
        return self.link


@pytest.fixture
def linked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Linked]:
    linked = Linked(RunDir.create(tmp_path / "run"))
    real = gevent.subprocess
    fake = SimpleNamespace(Popen=linked.popen, PIPE=real.PIPE, TimeoutExpired=real.TimeoutExpired)
    monkeypatch.setattr(module, "subprocess", fake)
    linked.start()
    yield linked
    linked.child.dies()  # ends the reading greenlet


def test_the_conductor_gets_run_directory_and_language(linked: Linked, tmp_path: Path) -> None:
    assert linked.started[1:] == [
        *("-m", "scenarios.conductor", str(tmp_path / "run"), "--lang", "ko")
    ]


def test_a_run_from_ready_to_audited(linked: Linked) -> None:
    linked.child.tells(READY)
    assert linked.link.wait_ready(0) == READY
    linked.child.tells(FaultsOn(names=("block",)))
    linked.link.tell(END)
    linked.child.tells(Audited(exit_code=1))
    linked.child.dies()

    assert linked.link.wait_end(0) == Audited(exit_code=1)
    assert linked.heard == [FaultsOn(names=("block",))]
    (line,) = linked.child.stdin.lines
    assert line.endswith(b"\n")
    assert msgspec.json.decode(line, type=ToConductor) == END


def test_a_rig_that_cannot_be_made_is_the_answer_and_nothing_else_is_heard(
    linked: Linked,
) -> None:
    cannot = CannotRun(exit_code=2, text="no such setting")
    linked.child.tells(cannot)
    linked.child.dies()

    assert linked.link.wait_ready(0) == cannot
    assert linked.heard == []


def test_a_conductor_that_dies_while_preparing_is_one_line_with_its_log(linked: Linked) -> None:
    linked.child.dies()

    answer = linked.link.wait_ready(0)
    assert answer == CannotRun(exit_code=3, text=f"the conductor ended; see {linked.log}")
    assert linked.heard == []


def test_a_rig_that_is_never_ready_is_one_line_with_the_conductor_s_log(linked: Linked) -> None:
    answer = linked.link.wait_ready(0)

    text = f"the rig was not ready within 0 s; see {linked.log}"
    assert answer == CannotRun(exit_code=3, text=text)


def test_a_conductor_that_dies_while_running_is_heard_once_with_its_log(linked: Linked) -> None:
    linked.child.tells(READY)
    linked.child.dies()
    linked.link.tell(END)

    told = f"the conductor ended; see {linked.log}"
    assert linked.heard == [Broken(text=told)]
    assert linked.link.wait_end(0) == CannotRun(exit_code=3, text=told)


def test_a_conductor_that_cannot_audit_says_why_and_nothing_else_is_heard(linked: Linked) -> None:
    cannot = CannotRun(exit_code=3, text="commits.jsonl: cannot be read")
    linked.child.tells(READY)
    linked.link.tell(END)
    linked.child.tells(cannot)
    linked.child.dies()

    assert linked.link.wait_end(0) == cannot
    assert linked.heard == []


def test_an_audit_that_does_not_end_is_given_up(linked: Linked) -> None:
    linked.child.tells(READY)

    assert linked.link.wait_end(0) == CannotRun(exit_code=3, text="no audit within 0 s")


def test_closing_cuts_the_lifeline_and_a_child_that_stays_is_killed(linked: Linked) -> None:
    linked.child.stays = True
    linked.link.close()

    assert linked.child.stdin.closed
    assert linked.child.kills == 1


def test_closing_after_the_conductor_died_with_a_message_unread_does_not_raise(
    linked: Linked,
) -> None:
    linked.child.tells(READY)
    linked.child.dies()
    linked.link.tell(END)
    linked.link.close()

    assert linked.child.stdin.closed
    assert linked.child.kills == 0


_DRIVER = """
import json, sys
from pathlib import Path
from harness.rundir import RunDir
from scenarios.conductor_link import ConductorLink
from scenarios.messages import End

sys.executable = sys.argv[1]  # the conductor is played by a script
heard = []
link = ConductorLink(RunDir.create(Path(sys.argv[2])), "en", heard.append)
ready = link.wait_ready(20)
link._reader.join(20)
link.tell(End(ended_at_s=1.0))
end = link.wait_end(20)
link.close()
print(json.dumps([ready.run_id, end.text, [each.text for each in heard]]))
"""


@pytest.mark.e2e
def test_a_real_child_that_dies_is_told_once_and_can_be_closed(tmp_path: Path) -> None:
    """In a process of its own: gevent's child watcher would reap the other tests' children."""
    script = tmp_path / "conductor"
    script.write_text(f"#!/bin/sh\necho '{msgspec.json.encode(READY).decode()}'\n")
    script.chmod(0o755)
    run = tmp_path / "run"

    answer = subprocess.run(
        [sys.executable, "-c", _DRIVER, str(script), str(run)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert answer.stderr == ""
    told = f"the conductor ended; see {run / 'logs' / 'conductor.log'}"
    assert json.loads(answer.stdout) == [READY.run_id, told, [told]]
