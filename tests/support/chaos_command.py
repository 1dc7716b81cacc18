"""A real ``chatquake chaos``, driven by lines on its stdin and heard by its JSON lines."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

CHATQUAKE = [sys.executable, "-c", "from scenarios.cli import main; main()"]
WITHIN_S = 60.0


class ChaosCommand:
    """One that runs, with its family."""

    def __init__(self, *arguments: str, stdin: int = subprocess.PIPE) -> None:
        self.child = subprocess.Popen(
            [*CHATQUAKE, "chaos", *arguments, "--json"],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.events: list[dict[str, Any]] = []
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._family: list[psutil.Process] = []

    def say(self, line: str) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(f"{line}\n")
        self.child.stdin.flush()

    def wait_for(self, event: str, **fields: Any) -> dict[str, Any]:
        """The next event like this."""
        deadline_s = time.monotonic() + WITHIN_S
        while True:
            line = self._lines.get(timeout=max(0.01, deadline_s - time.monotonic()))
            assert line is not None, f"ended before {event} {fields}: {self.events}"
            found: dict[str, Any] = json.loads(line)
            self.events.append(found)
            if found["event"] == event and all(found[k] == v for k, v in fields.items()):
                return found

    def ready(self) -> dict[str, Any]:
        found = self.wait_for("ready")
        self.family()
        return found

    def family(self) -> dict[str, psutil.Process]:
        """Its children by role; remembered, so that orphans are found too."""
        self._family = psutil.Process(self.child.pid).children(recursive=True)
        roles = {"harness.server": "server", "harness.guard": "guard", "chaos.relay": "relay"}
        found = {}
        for process in self._family:
            line = process.cmdline()
            role = next((roles[word] for word in line if word in roles), "toxiproxy")
            found[role] = process
        return found

    def end(self) -> tuple[int, str]:
        """Its exit code and what it said on stderr, once it is over."""
        code = self.child.wait(WITHIN_S)
        self._reader.join(WITHIN_S)
        while (line := self._lines.get(timeout=WITHIN_S)) is not None:
            self.events.append(json.loads(line))
        assert self.child.stderr is not None
        return code, self.child.stderr.read()

    def of(self, event: str) -> list[dict[str, Any]]:
        return [each for each in self.events if each["event"] == event]

    def left_behind(self) -> list[str]:
        """Command lines of children that are still there after a moment's grace."""
        _, alive = psutil.wait_procs(self._family, timeout=30)
        return [" ".join(process.cmdline()) for process in alive]

    def _read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self._lines.put(line)
        self._lines.put(None)


@contextmanager
def chaos_command(*arguments: str, stdin: int = subprocess.PIPE) -> Iterator[ChaosCommand]:
    """One that is gone afterwards."""
    command = ChaosCommand(*arguments, stdin=stdin)
    try:
        yield command
    finally:
        if command.child.poll() is None:
            command.child.send_signal(signal.SIGINT)
            try:
                command.child.wait(WITHIN_S)
            except subprocess.TimeoutExpired:
                command.child.kill()
                command.child.wait()
        for pipe in (command.child.stdin, command.child.stdout, command.child.stderr):
            if pipe is not None:
                pipe.close()
