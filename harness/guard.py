"""Run a foreign program so that it cannot outlive us: ``python -m harness.guard -- COMMAND ...``.

A foreign program (Toxiproxy, a compiler) knows nothing of :mod:`harness.lifeline`, so the guard
stands between: it holds the lifeline and the program. The program gets a process group of its
own and an empty stdin; stdout and stderr pass through. When the guard's stdin ends, or SIGTERM
or SIGINT comes, the program's group gets SIGTERM and, two seconds later, SIGKILL. On Linux the
kernel also kills the program when the guard itself is killed.

The exit code is the program's; 128 + n when signal n ended it, 127 when it could not be started.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

from harness.lifeline import on_stdin_eof

GRACE_S = 2.0
"""From SIGTERM to SIGKILL."""

_PR_SET_PDEATHSIG = 1
_CANNOT_START = 127


def guarded(command: Sequence[str]) -> list[str]:
    """The command line that runs ``command`` under the guard, in this Python.

    Give it a pipe as stdin and keep the other end open for as long as it should run.
    """
    return [sys.executable, "-m", "harness.guard", "--", *command]


def run(command: Sequence[str]) -> int:
    """Run ``command`` to its end, or to ours; returns the guard's exit code."""
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    try:
        # The guard has no thread yet, which is what makes preexec_fn safe; only between fork
        # and exec can a child ask for its parent-death signal.
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            process_group=0,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509
        )
    except OSError as error:
        print(f"guard: cannot start {command[0]}: {error.strerror}", file=sys.stderr)
        return _CANNOT_START
    on_stdin_eof(asked.set)
    threading.Thread(target=_end_when, args=(asked, child), daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


def _end_when(asked: threading.Event, child: subprocess.Popen[bytes]) -> None:
    asked.wait()
    _signal_group(child, signal.SIGTERM)
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        _signal_group(child, signal.SIGKILL)


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if child.poll() is not None:
        return
    # The main thread may reap it between the look and the signal; then there is nothing to end.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def _die_with_parent() -> Callable[[], None] | None:
    """What the child does before exec on Linux; elsewhere nothing can be done."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    guard = os.getpid()

    def ask_the_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != guard:  # it died before the kernel had heard
            os.kill(os.getpid(), signal.SIGKILL)

    return ask_the_kernel


def main(arguments: Sequence[str]) -> int:
    """The program: ``-- COMMAND ARGS...``."""
    if len(arguments) < 2 or arguments[0] != "--":
        print("usage: python -m harness.guard -- COMMAND [ARGS...]", file=sys.stderr)
        return 2
    return run(arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
