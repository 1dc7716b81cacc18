"""Real runs in child processes, and what they leave behind, for the end-to-end tests."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

QUICK = Path(__file__).parent.parent / "e2e" / "quick.toml"
CHATQUAKE = [str(Path(sys.executable).with_name("chatquake"))]
ENDS_WITHIN_S = 30.0


@dataclass(frozen=True)
class Finished:
    code: int
    output: str
    out: Path


class RunningRun:
    """A ``chatquake run`` (or Locust) that goes on, with its family."""

    def __init__(self, command: list[str], out: Path, *, stdin: int = subprocess.DEVNULL) -> None:
        self.out = out
        self._log = out.with_suffix(".txt")
        with self._log.open("wb") as log:
            self.child = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self._seen: dict[int, psutil.Process] = {}

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def family(self) -> dict[str, psutil.Process]:
        """The processes by role: ``cli``, ``locust``, ``conductor``, ``server``, ``guard``,
        ``relay``, ``toxiproxy``; remembered, so that orphans are found too."""
        found: dict[str, psutil.Process] = {}
        top = psutil.Process(self.child.pid)
        for process in [top, *top.children(recursive=True)]:
            self._seen[process.pid] = process
            role = _role(process)
            if role and role not in found:
                found[role] = process
        return found

    def wait_for(self, text: str, within_s: float = 60.0) -> None:
        """Until the output contains the text, or the run is over."""
        self.wait_until(lambda: text in self.output, f"{text!r} in the output", within_s)

    def wait_until(self, condition: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            self.family() if self.child.poll() is None else None
            assert self.child.poll() is None, f"ended before {what}:\n{self.output}"
            assert time.monotonic() < deadline, f"no {what} within {within_s} s:\n{self.output}"
            time.sleep(0.1)

    def wait(self, within_s: float = 120.0) -> Finished:
        return Finished(self.child.wait(within_s), self.output, self.out)

    def left_behind(self) -> list[str]:
        """Command lines of family members that are still there after a moment's grace."""
        _, alive = psutil.wait_procs(list(self._seen.values()), timeout=ENDS_WITHIN_S)
        return [" ".join(process.cmdline()) for process in alive if process.is_running()]

    def clean_up(self) -> None:
        for process in self._seen.values():
            if process.is_running():
                process.kill()
        self.child.wait()


def _role(process: psutil.Process) -> str:
    try:
        line = " ".join(process.cmdline())
    except psutil.Error:
        return ""
    for role, sign in (
        ("server", "-m harness.server"),
        ("guard", "-m harness.guard"),
        ("conductor", "-m scenarios.conductor"),
        ("locust", "-m locust"),
        ("cli", "/chatquake run"),
        ("relay", "-m chaos.relay"),
        ("toxiproxy", "-port"),
    ):
        if sign in line:
            return role
    return ""
