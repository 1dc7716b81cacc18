"""``chatquake run``, with Locust played by a small script."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.errors import UsageError
from harness.rundir import RunDir
from scenarios import launch as module
from scenarios.launch import run
from scenarios.model import load_scenario
from scenarios.progress import Failed, Finished, Note, Progress
from tests.support.fake_runtime import small_scenario

SCENARIO = small_scenario()


class FakeChild:
    """A child that only keeps the signals it was sent."""

    pid = 4_194_305
    """More than Linux ever gives to a process."""

    def __init__(self) -> None:
        self.signals: list[signal.Signals] = []

    def send_signal(self, number: signal.Signals) -> None:
        self.signals.append(number)


class FakeKill:
    """In the place of ``os.killpg``."""

    def __init__(self, *, gone: bool = False) -> None:
        self.killed: list[tuple[int, signal.Signals]] = []
        self._gone = gone

    def __call__(self, group: int, number: signal.Signals) -> None:
        self.killed.append((group, number))
        if self._gone:
            raise ProcessLookupError


@pytest.fixture
def kill(monkeypatch: pytest.MonkeyPatch) -> FakeKill:
    kill = FakeKill()
    monkeypatch.setattr(os, "killpg", kill)
    return kill


@contextmanager
def interrupts(child: FakeChild, show: Callable[[Progress], None]) -> Iterator[module._Interrupts]:
    taken: Any = child
    with module._interrupts(show) as found:
        found.go_to(taken)
        yield found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_ctrl_c_or_sigterm_is_passed_on_as_ctrl_c_and_told(
    kill: FakeKill, number: signal.Signals
) -> None:
    child, shown = FakeChild(), list[Progress]()
    with interrupts(child, shown.append) as asked:
        assert not asked.came
        signal.raise_signal(number)
        assert asked.came

    assert child.signals == [signal.SIGINT]
    assert kill.killed == []
    (note,) = shown
    assert isinstance(note, Note)
    assert "stopping in order" in note.text


def test_one_that_comes_before_the_child_goes_to_it_when_it_is_there(kill: FakeKill) -> None:
    child: Any = FakeChild()
    with module._interrupts(list[Progress]().append) as asked:
        signal.raise_signal(signal.SIGINT)
        asked.go_to(child)

    assert child.signals == [signal.SIGINT]


@pytest.mark.parametrize("gone", [False, True])
def test_the_second_ctrl_c_kills_the_child_and_all_below_it(
    monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    kill = FakeKill(gone=gone)
    monkeypatch.setattr(os, "killpg", kill)
    child = FakeChild()
    with interrupts(child, list[Progress]().append):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    assert child.signals == [signal.SIGINT]
    assert kill.killed == [(child.pid, signal.SIGKILL)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_signals_are_the_caller_s_again_afterwards(
    kill: FakeKill, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    with interrupts(FakeChild(), list[Progress]().append):
        assert signal.getsignal(number) is not before

    assert signal.getsignal(number) is before


def test_the_command_is_native_locust_on_the_run_s_own_scenario(tmp_path: Path) -> None:
    directory = RunDir.create(tmp_path / "run")

    command = module._command(directory, 1, "ko")

    assert command[1:4] == ["-m", "locust", "-f"]
    assert Path(command[4]).name == "locustfile.py"
    options = " ".join(command[5:])
    assert f"--scenario {directory.scenario} --out {directory.root} --lang ko" in options
    assert "--processes" not in command


def test_several_processes_meet_on_a_port_of_their_own(tmp_path: Path) -> None:
    command = module._command(RunDir.create(tmp_path / "run"), 3, "en")

    options = dict(pairwise(command))
    assert options["--processes"] == "3"
    assert options["--master-port"] == options["--master-bind-port"]


def test_a_directory_that_is_used_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "something").touch()

    with pytest.raises(UsageError, match="not empty"):
        run(SCENARIO, out=tmp_path, processes=1, language="en", show=list[Progress]().append)


class Played:
    """A run with a script in the place of Locust."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
        command = [sys.executable, "-c", script]
        monkeypatch.setattr(module, "_command", lambda *_: command)
        self.root = root
        self.shown: list[Progress] = []

    def code(self) -> int:
        return run(SCENARIO, out=self.root, processes=1, language="en", show=self.shown.append)


def tells(*progress: Progress) -> str:
    """A script that tells this and goes."""
    lines = b"".join(msgspec.json.encode(each) + b"\n" for each in progress)
    return f"import os; os.write(int(os.environ['CHATQUAKE_PROGRESS_FD']), {lines!r})"


@pytest.mark.e2e
@pytest.mark.parametrize("code", [0, 1, 3, 130])
def test_everything_is_shown_and_the_exit_code_is_what_the_run_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    progress: list[Progress] = [
        Note(t_s=1.0, level="fault", text="block is on"),
        Finished(run_dir="run", exit_code=code),
    ]
    played = Played(tmp_path / "run", monkeypatch, tells(*progress))

    assert played.code() == code
    assert played.shown == progress
    assert load_scenario(str(tmp_path / "run" / "scenario.toml")) == SCENARIO


@pytest.mark.e2e
def test_locust_ending_without_a_word_is_3_with_its_log_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = Played(tmp_path / "run", monkeypatch, "import sys; sys.exit('it broke')")

    assert played.code() == 3
    log = tmp_path / "run" / "logs" / "locust.log"
    assert played.shown == [Failed(exit_code=3, text=f"Locust ended with code 1; see {log}")]
    assert log.read_text() == "it broke\n"


@pytest.mark.e2e
def test_a_run_that_could_not_be_made_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = Failed(exit_code=2, text="no such setting")
    played = Played(tmp_path / "run", monkeypatch, tells(failed))

    assert played.code() == 2
    assert played.shown == [failed]


_LOCUST = """
import os, signal, sys
pipe = int(os.environ['CHATQUAKE_PROGRESS_FD'])
signal.signal(signal.SIGINT, lambda *_: {on_interrupt})
os.write(pipe, b'{{"type":"note","t_s":0.0,"level":"info","text":"here"}}\\n')
while True:
    signal.pause()
"""

_OURS = """
import os, signal, sys
from pathlib import Path
from scenarios import launch
from scenarios.progress import Note
from tests.support.fake_runtime import small_scenario

launch._command = lambda *_: [sys.executable, "-c", sys.argv[2]]
again = {"here", *sys.argv[3:]}

def show(progress):
    print(progress.text, flush=True)
    if progress.text in again:
        os.kill(os.getpid(), signal.SIGINT)

try:
    code = launch.run(
        small_scenario(), out=Path(sys.argv[1]), processes=1, language="en", show=show
    )
except KeyboardInterrupt:
    code = 99
sys.exit(code)
"""


def interrupted_run(root: Path, on_interrupt: str, *again: str) -> subprocess.CompletedProcess[str]:
    """A run that gets a Ctrl-C when its child says "here", and more at the lines in ``again``."""
    script = _LOCUST.format(on_interrupt=on_interrupt)
    return subprocess.run(
        [sys.executable, "-c", _OURS, str(root), script, *again],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.e2e
def test_a_run_interrupted_before_there_was_anything_to_judge_is_130(tmp_path: Path) -> None:
    end = interrupted_run(tmp_path / "run", "sys.exit(0)")

    assert end.returncode == 130, end.stderr
    assert end.stdout.splitlines()[-1] == "interrupted before there was anything to judge"


@pytest.mark.e2e
def test_a_run_in_the_background_of_a_shell_can_be_interrupted_as_well(tmp_path: Path) -> None:
    """The shell starts it with SIGINT ignored, which a child inherits unless it is undone."""
    waits = """
import os, signal, sys
pipe = int(os.environ['CHATQUAKE_PROGRESS_FD'])
try:
    os.write(pipe, b'{"type":"note","t_s":0.0,"level":"info","text":"here"}\\n')
    signal.pause()
except KeyboardInterrupt:
    sys.exit(0)
"""
    ignores = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    end = subprocess.run(
        [sys.executable, "-c", ignores + _OURS, str(tmp_path / "run"), waits],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert end.returncode == 130, end.stderr


@pytest.mark.e2e
def test_the_second_ctrl_c_ends_a_child_that_does_not_listen(tmp_path: Path) -> None:
    says_no = """os.write(pipe, b'{"type":"note","t_s":0.0,"level":"info","text":"no"}\\n')"""
    end = interrupted_run(tmp_path / "run", says_no, "no")

    assert end.returncode == 99, end.stderr
    assert end.stdout.splitlines()[-1] == "no"
    assert end.stderr == ""


@pytest.mark.e2e
def test_a_screen_that_fails_does_not_leave_the_child_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lifeline is cut, and it is waited for."""
    note = Note(t_s=0.0, level="info", text="here")
    gone = tmp_path / "gone"
    script = f"{tells(note)}; import sys; sys.stdin.read(); open({str(gone)!r}, 'w')"
    monkeypatch.setattr(module, "_command", lambda *_: [sys.executable, "-c", script])

    def fails(progress: Progress) -> None:
        raise ValueError("cannot draw")

    with pytest.raises(ValueError, match="cannot draw"):
        run(SCENARIO, out=tmp_path / "run", processes=1, language="en", show=fails)
    assert gone.exists()
