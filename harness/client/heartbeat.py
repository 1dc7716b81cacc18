"""When a page's socket is asked whether it is still there, and when the answer was missed.

Older versions of realtime-js count by an interval for the life of the socket, which remembers a
heartbeat of an earlier socket; later ones by a timer that each answer sets anew. With
``worker: true`` all of them have a Web Worker count: by an interval that no throttling of a hidden
page reaches, that older versions never stop, and that remembers as well.
"""

from __future__ import annotations

from typing import Literal

from harness.client.effects import Effects
from harness.client.library import Library

WORKER_FAILS_AFTER_S = 0.008
"""From ``new Worker`` to the ``error`` event of one that the page's policy forbids."""

Worker = Literal["none", "works", "refused"]
"""``none``: the page counts its heartbeats itself."""


class Heartbeat:
    """The heartbeats of one connection: their timers, and the one that is not answered."""

    __slots__ = ("_effects", "_library", "_ref", "_worker", "_worker_is_there")

    def __init__(self, effects: Effects, library: Library, worker: Worker = "none") -> None:
        self._effects = effects
        self._library = library
        self._worker = worker
        self._worker_is_there = False
        self._ref: str | None = None
        """Of the heartbeat that is not answered yet."""

    @property
    def is_awaited(self) -> bool:
        """One was sent and is not answered."""
        return self._ref is not None

    def begin(self, now_s: float) -> None:
        """A socket opened."""
        if self._worker != "none":
            self._start_worker(now_s)
            return
        if not self._by_interval:
            self._ref = None
            self._effects.cancel("heartbeat_timeout")
        self._effects.wake_at("heartbeat", now_s + self._library.heartbeat_s)

    def end(self) -> None:
        """The end of a socket was heard."""
        self._effects.cancel("heartbeat")
        self._effects.cancel("heartbeat_timeout")
        if self._library.worker_ends_with_socket:
            self.end_worker()

    def end_worker(self) -> None:
        """``terminate``."""
        self._worker_is_there = False
        self._effects.cancel("worker")
        self._effects.cancel("worker_failed")

    def turn(self, now_s: float, *, is_open: bool) -> Literal["send", "missed"] | None:
        """It is time for one: what is to be done."""
        if self._worker != "none":
            self._worker_counts(now_s)
        elif self._by_interval:
            self._effects.wake_at("heartbeat", now_s + self._library.heartbeat_s)
        if not is_open:
            return None
        return "send" if self._ref is None else "missed"

    def sent(self, ref: str, now_s: float) -> None:
        """It went out."""
        self._ref = ref
        if not self._by_interval:  # beside the worker, too
            self._effects.wake_at("heartbeat_timeout", now_s + self._library.heartbeat_s)

    def answered(self, ref: str | None, now_s: float) -> None:
        """A ``phx_reply`` outside of any channel: its, if it is the one waited for."""
        if self._ref is None or ref != self._ref:
            return
        self._ref = None
        if not self._by_interval:
            self._effects.cancel("heartbeat_timeout")
            if self._worker == "none":
                self._effects.wake_at("heartbeat", now_s + self._library.heartbeat_s)

    def given_up(self) -> None:
        """Nobody waits for the answer any more."""
        self._ref = None

    def _start_worker(self, now_s: float) -> None:
        if self._worker_is_there:
            return
        self._worker_is_there = True
        if self._worker == "works":
            self._worker_counts(now_s)
        else:
            self._effects.wake_at("worker_failed", now_s + WORKER_FAILS_AFTER_S, of_page=False)

    def _worker_counts(self, now_s: float) -> None:
        self._effects.wake_at("worker", now_s + self._library.heartbeat_s, of_page=False)

    @property
    def _by_interval(self) -> bool:
        return self._library.heartbeat_after == "heartbeat"
