from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

pytestmark = pytest.mark.e2e

WITHIN_S = 20.0
ENDED_BY_LIFELINE = 9
CHILD = f"""
import os, sys, time
from harness.lifeline import on_stdin_eof
on_stdin_eof(lambda: os._exit({ENDED_BY_LIFELINE}))
print(os.getpid(), flush=True)
while True:
    time.sleep(0.01)
    print("working", flush=True)
"""
PARENT = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdin=subprocess.PIPE)
time.sleep(600)
"""
UNDER_GEVENT = "from gevent import monkey; monkey.patch_all()\n"


@contextmanager
def python(script: str, stdin: int | None = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=stdin, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("before", ["", UNDER_GEVENT], ids=["threads", "gevent"])
def test_a_child_works_until_its_stdin_ends(before: str) -> None:
    with python(before + CHILD) as child:
        assert child.stdin is not None
        line(child)  # its pid
        assert [line(child) for _ in range(3)] == ["working"] * 3
        child.stdin.close()
        assert child.wait(WITHIN_S) == ENDED_BY_LIFELINE


def test_what_is_written_to_stdin_does_not_end_the_child() -> None:
    with python(CHILD) as child:
        assert child.stdin is not None
        child.stdin.write("x" * 10_000)
        child.stdin.flush()
        line(child)
        assert [line(child) for _ in range(20)] == ["working"] * 20


def test_an_empty_stdin_ends_the_child() -> None:
    with python(CHILD, stdin=subprocess.DEVNULL) as child:
        assert child.wait(WITHIN_S) == ENDED_BY_LIFELINE


def test_a_closed_stdin_ends_the_child() -> None:
    with python("import os; os.close(0)\n" + CHILD) as child:
        assert child.wait(WITHIN_S) == ENDED_BY_LIFELINE


def test_a_child_does_not_outlive_a_killed_parent() -> None:
    with python(PARENT) as parent:
        child = psutil.Process(int(line(parent)))
        parent.kill()
        child.wait(WITHIN_S)
        assert not child.is_running()
