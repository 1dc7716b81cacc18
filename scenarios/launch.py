"""``chatquake run``: starts Locust as a child and shows what it tells, until its exit code.

The same run as ``locust -f locustfile.py --scenario …``: this process only watches. Its death
is an end of file on the child's stdin, which ends everything.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Literal

import msgspec

from harness.errors import RigError
from harness.rundir import RunDir
from scenarios.model import Scenario, to_toml
from scenarios.progress import Failed, Finished, Note, Progress
from scenarios.rundirs import default_run_dir

_decode = msgspec.json.Decoder(Progress).decode


def run(
    scenario: Scenario,
    *,
    out: Path | None,
    processes: int,
    language: Literal["en", "ko"],
    show: Callable[[Progress], None],
) -> int:
    """Run a scenario to its end and return the exit code (docs/exit-codes-and-verdict.md).

    The first Ctrl-C ends the run in order and marks it as interrupted; the second at once.
    """
    directory = RunDir.create(out or default_run_dir(scenario.name, scenario.variant))
    directory.write(directory.scenario, to_toml(scenario).encode())
    reading, writing = os.pipe()
    with _interrupts(show) as interrupts, (directory.logs / "locust.log").open("wb") as log:
        child = subprocess.Popen(
            _command(directory, processes, language),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
            env={
                **os.environ,
                "CHATQUAKE_PROGRESS_FD": str(writing),
                "CHATQUAKE_LIFELINE": "1",
                "CHATQUAKE_PREPARED": "1",
            },
            start_new_session=True,
        )
        os.close(writing)
        with child:  # the lifeline is cut at the end
            interrupts.go_to(child)
            ended = _follow(reading, show)
            code = child.wait()
    if ended is None and interrupts.came:
        ended = Failed(exit_code=130, text="interrupted before there was anything to judge")
        show(ended)
    elif ended is None:
        text = f"Locust ended with code {code}; see {directory.logs / 'locust.log'}"
        ended = Failed(exit_code=3, text=text)
        show(ended)
    return ended.exit_code


def _command(directory: RunDir, processes: int, language: str) -> list[str]:
    locustfile = find_spec("locustfile")
    if locustfile is None or locustfile.origin is None:
        raise RigError("locustfile.py is not installed beside the packages; install the project")
    command = [sys.executable, "-m", "locust", "-f", locustfile.origin, "--headless"]
    command += ["--only-summary", "--scenario", str(directory.scenario)]
    command += ["--out", str(directory.root), "--lang", language]
    if processes > 1:
        port = str(_free_port())
        command += ["--processes", str(processes)]
        command += ["--master-bind-port", port, "--master-port", port]
    return command


def _follow(reading: int, show: Callable[[Progress], None]) -> Finished | Failed | None:
    """Show everything that comes; returns how the run ended, where it said so."""
    ended: Finished | Failed | None = None
    with os.fdopen(reading, "rb") as pipe:
        for line in pipe:
            progress = _decode(line)
            if isinstance(progress, Finished | Failed):
                ended = progress
            show(progress)
    return ended


class _Interrupts:
    """The first Ctrl-C (or SIGTERM) asks the child to end in order; the second kills it and
    raises :class:`KeyboardInterrupt`."""

    def __init__(self, show: Callable[[Progress], None]) -> None:
        self.came = False
        self._show = show
        self._child: subprocess.Popen[bytes] | None = None

    def go_to(self, child: subprocess.Popen[bytes]) -> None:
        """The child is there; one that came before goes to it now."""
        self._child = child
        if self.came:
            child.send_signal(signal.SIGINT)

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if self.came:
            if self._child is not None:
                with suppress(ProcessLookupError):
                    os.killpg(self._child.pid, signal.SIGKILL)
            raise KeyboardInterrupt
        self.came = True
        text = "stopping in order: healing, recording, auditing (Ctrl-C again stops at once)"
        self._show(Note(t_s=0.0, level="info", text=text))
        if self._child is not None:
            self._child.send_signal(signal.SIGINT)


@contextmanager
def _interrupts(show: Callable[[Progress], None]) -> Iterator[_Interrupts]:
    """Interrupts are handled from here on, and the caller's again afterwards.

    Enter it before the child is started: a shell starts its background jobs with SIGINT ignored,
    and a child would inherit that and never hear of ours; of a handler it inherits nothing.
    """
    interrupts = _Interrupts(show)
    numbers = (signal.SIGINT, signal.SIGTERM)  # a cancelled CI job sends the latter
    before = {number: signal.signal(number, interrupts) for number in numbers}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port() -> int:
    """For Locust's master and workers; its default port may belong to another run."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
