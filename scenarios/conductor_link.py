"""The load's end of the conductor: a child process and two pipes, under gevent."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent
import msgspec
from gevent import subprocess
from gevent.event import AsyncResult

from harness.rundir import RunDir
from scenarios.messages import (
    Audited,
    Broken,
    CannotRun,
    FromConductor,
    Ready,
    ToConductor,
)

_decode = msgspec.json.Decoder(FromConductor).decode
_encode = msgspec.json.Encoder().encode


class ConductorLink:
    """A running conductor. ``heard`` is called, in a greenlet, for what it tells meanwhile."""

    def __init__(self, run: RunDir, language: str, heard: Callable[[FromConductor], None]) -> None:
        self._heard = heard
        self._log = run.logs / "conductor.log"
        self._ready: AsyncResult = AsyncResult()
        self._ended: AsyncResult = AsyncResult()
        with self._log.open("wb") as log:
            self._child: Any = subprocess.Popen(
                [sys.executable, "-m", "scenarios.conductor", str(run.root), "--lang", language],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is ours: it is told when and how to end
            )
        self._reader = gevent.spawn(self._read)

    def wait_ready(self, timeout_s: float) -> Ready | CannotRun:
        """Until server, proxies and canary are up, or cannot be."""
        try:
            answer: Ready | CannotRun | None = self._ready.get(timeout=timeout_s)
        except gevent.Timeout:
            text = f"the rig was not ready within {timeout_s:g} s; see {self._log}"
            return CannotRun(exit_code=3, text=text)
        return answer or CannotRun(exit_code=3, text=f"the conductor ended; see {self._log}")

    def tell(self, message: ToConductor) -> None:
        """Send one message."""
        with suppress(BrokenPipeError):  # the reader tells that the conductor is gone
            self._child.stdin.write(_encode(message) + b"\n")
            self._child.stdin.flush()

    def wait_end(self, timeout_s: float) -> Audited | CannotRun:
        """Until the audit is done, or cannot be."""
        try:
            end: Audited | CannotRun | None = self._ended.get(timeout=timeout_s)
        except gevent.Timeout:
            return CannotRun(exit_code=3, text=f"no audit within {timeout_s:g} s")
        return end or CannotRun(exit_code=3, text=f"the conductor ended; see {self._log}")

    def close(self) -> None:
        """Cut the lifeline and wait for the end."""
        with suppress(BrokenPipeError):  # what it no longer read is still in the buffer
            self._child.stdin.close()
        try:
            self._child.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def _read(self) -> None:
        for line in self._child.stdout:
            message = _decode(line)
            if isinstance(message, Ready | CannotRun) and not self._ready.ready():
                self._ready.set(message)
            if isinstance(message, Audited | CannotRun):
                self._ended.set(message)
            elif not isinstance(message, Ready):
                self._heard(message)
        ended_early = self._ready.ready() and not self._ended.ready()
        for awaited in (self._ready, self._ended):
            if not awaited.ready():
                awaited.set(None)
        if ended_early:  # otherwise whoever waits, or waited, is told by the answer
            self._heard(Broken(text=f"the conductor ended; see {self._log}"))
