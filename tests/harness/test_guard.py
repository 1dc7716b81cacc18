from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil
import pytest

from harness.guard import guarded, main

WITHIN_S = 20.0
SAY_PID_AND_SLEEP = "echo $$; exec sleep 600"
IGNORE_SIGTERM = "trap '' TERM; echo $$; while :; do sleep 0.1; done"
WITH_GRANDCHILD = "sleep 600 & echo $!; wait"


@contextmanager
def running(command: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def shell(script: str) -> list[str]:
    return guarded(["/bin/sh", "-c", script])


def announced(process: subprocess.Popen[str]) -> psutil.Process:
    assert process.stdout is not None
    return psutil.Process(int(process.stdout.readline()))


def is_gone(process: psutil.Process) -> bool:
    process.wait(WITHIN_S)
    return not process.is_running()


@pytest.mark.parametrize("arguments", [[], ["--"], ["sleep", "1"]])
def test_a_command_must_follow_two_dashes(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "harness.guard -- COMMAND" in capsys.readouterr().err


@pytest.mark.e2e
def test_output_and_exit_code_are_those_of_the_program() -> None:
    with running(shell("echo out; echo err >&2; exit 7")) as guard:
        assert guard.wait(WITHIN_S) == 7
        assert guard.stdout is not None
        assert guard.stderr is not None
        assert (guard.stdout.read(), guard.stderr.read()) == ("out\n", "err\n")


@pytest.mark.e2e
def test_the_programs_stdin_is_empty() -> None:
    with running(shell("read line || exit 4")) as guard:
        assert guard.wait(WITHIN_S) == 4


@pytest.mark.e2e
def test_a_program_ended_by_a_signal_gives_128_and_its_number() -> None:
    with running(shell("kill -KILL $$")) as guard:
        assert guard.wait(WITHIN_S) == 128 + signal.SIGKILL


@pytest.mark.e2e
def test_a_program_that_cannot_be_started_is_named() -> None:
    with running(guarded(["/no/such/program"])) as guard:
        assert guard.wait(WITHIN_S) == 127
        assert guard.stderr is not None
        assert "/no/such/program" in guard.stderr.read()


@pytest.mark.e2e
@pytest.mark.parametrize("script", [SAY_PID_AND_SLEEP, IGNORE_SIGTERM, WITH_GRANDCHILD])
def test_the_end_of_stdin_ends_the_program_and_its_children(script: str) -> None:
    with running(shell(script)) as guard:
        program = announced(guard)
        assert guard.stdin is not None
        guard.stdin.close()
        assert is_gone(program)
        assert guard.wait(WITHIN_S) > 128


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_guard_ends_the_program(number: signal.Signals) -> None:
    with running(shell(SAY_PID_AND_SLEEP)) as guard:
        program = announced(guard)
        guard.send_signal(number)
        assert is_gone(program)


@pytest.mark.e2e
def test_the_program_does_not_outlive_the_kill_of_the_guards_parent() -> None:
    script = f"""
import subprocess, time
guard = subprocess.Popen({shell(SAY_PID_AND_SLEEP)!r}, stdin=subprocess.PIPE)
time.sleep(600)
"""
    with running([sys.executable, "-c", script]) as parent:
        program = announced(parent)
        parent.kill()
        assert is_gone(program)


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a child with its parent")
def test_the_program_does_not_outlive_the_kill_of_the_guard() -> None:
    with running(shell(SAY_PID_AND_SLEEP)) as guard:
        program = announced(guard)
        guard.kill()
        assert is_gone(program)
