"""A vendor's client library in a process of its own, led by a test and asked what it saw.

The process (``node/puppet.mjs``, ``python/puppet.py``) reads one JSON order a line:
``{"id", "order", ...}``, where ``order`` is one of ``open``, ``close``, ``set_auth``, ``make``,
``listen``, ``subscribe``, ``leave``, ``send``, ``send_bytes``, ``http_send``, ``track``,
``untrack`` and ``at_once``, which carries out ``orders`` in one go. It prints
``{"answer": id, "value" or "error"}`` once an order is carried out, and every event as it
comes: of a socket as ``{"client", "what"}``, of a channel as ``{"channel", "what"}``. Nothing
of the library is changed or replaced; only the JavaScript sockets also tell their frames.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

WAIT_S = 15.0
"""After this something that should have come never will; the libraries' own patience is 10 s."""

Event = dict[str, Any]
"""One line of a puppet, as it came."""


@dataclass(frozen=True)
class Library:
    """A vendor's client library, in the version that is tested."""

    name: str
    language: Literal["js", "py"]
    vsn: Literal["1.0.0", "2.0.0"]


class Puppet:
    """A running library and everything that it told since it started."""

    def __init__(self, library: Library, command: Sequence[str], cwd: str) -> None:
        self.library = library
        self._ids = itertools.count(1)
        self._changed = threading.Condition()
        self._events: list[Event] = []
        self._answers: dict[int, Event] = {}
        self._unheard: set[int] = set()
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._stderr: list[str] = []
        self._readers = [
            threading.Thread(target=self._read_events, daemon=True),
            threading.Thread(target=self._read_stderr, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the process and wait for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._process.kill()
        self._process.wait(WAIT_S)
        for reader in self._readers:
            reader.join(WAIT_S)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            pipe.close()

    def tell(self, order: str, **details: Any) -> int:
        """Give an order and do not wait; whether it failed is known at the next wait."""
        assert self._process.stdin is not None
        number = next(self._ids)
        self._unheard.add(number)
        self._process.stdin.write(json.dumps({"id": number, "order": order, **details}) + "\n")
        self._process.stdin.flush()
        return number

    def ask(self, order: str, **details: Any) -> Any:
        """Give an order, wait until it is carried out, return its answer."""
        number = self.tell(order, **details)
        self.wait_until(lambda: number in self._answers, f"the answer to {order}")
        return self._answers[number]["value"]

    def events(self, **wanted: Any) -> list[Event]:
        """All events so far that have these values."""
        with self._changed:
            return [one for one in self._events if _has(one, wanted)]

    def forget(self) -> None:
        """Drop what was told so far, so that a failure shows its own test alone."""
        with self._changed:
            self._events.clear()

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until ``condition`` holds; fails where it does not within :data:`WAIT_S`, where
        an order failed, or where the library's process ended."""
        deadline_s = time.monotonic() + WAIT_S
        with self._changed:
            while True:
                self._raise_failures()
                if condition():
                    return
                left_s = deadline_s - time.monotonic()
                ended = not self.running
                assert not ended, f"{self.library.name} ended: {''.join(self._stderr)}"
                assert left_s > 0, f"{self.library.name}: no {what} came. {self._tail()}"
                self._changed.wait(min(left_s, 0.5))

    def _raise_failures(self) -> None:
        for number in self._unheard & set(self._answers):
            self._unheard.discard(number)
            error = self._answers[number].get("error")
            assert error is None, f"{self.library.name}: {error}"

    def _tail(self) -> str:
        return "The last of what it told:\n" + "\n".join(map(json.dumps, self._events[-40:]))

    def _read_events(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            with self._changed:
                if "answer" in event:
                    self._answers[event["answer"]] = event
                else:
                    self._events.append(event)
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        self._stderr.extend(self._process.stderr)


def _has(event: Event, wanted: Event) -> bool:
    return all(event.get(name) == value for name, value in wanted.items())
