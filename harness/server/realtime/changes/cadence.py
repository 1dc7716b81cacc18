"""When the change stream is read, and how much of it. Pure.

The genuine server has one poller that reads the log of PostgreSQL. After a read in which
somebody was interested it reads again at once; after one in which nobody was, a little later;
and where the log had nothing, only after a pause. So the first row after silence is up to half
a second late, and all rows come in commit order.

Row-level security is judged then, against the table as it is by then: an INSERT or UPDATE of a
row whose DELETE is committed already is never sent to anybody.
"""

from __future__ import annotations

import math
from collections import deque
from random import Random

from harness.server.knobs import Knobs
from harness.server.storage.model import Change
from harness.server.switches import Switches

_JITTER = (0.5, 1.0)
"""Of the interval: 50 to 100 ms of 100."""
_NO_PAUSE_S = 1e-6
"""What is shorter is none: its steps could not be told apart."""


class Cadence:
    """Committed changes that wait to be read. Times are host-monotonic seconds."""

    def __init__(self, switches: Switches, rng: Random) -> None:
        self._switches = switches
        self._rng = rng
        self._waiting: deque[Change] = deque()
        self._deleted: set[int] = set()
        """The rows whose DELETE waits."""
        self._free_s = 0.0
        """The read after the last one. From then on an idle log is read in even steps, which
        need not be done: what they would find is nothing."""
        self._due_s: float | None = None

    @property
    def due_s(self) -> float | None:
        """When to call :meth:`read`; ``None`` while nothing waits."""
        return self._due_s

    def committed(self, changes: tuple[Change, ...], now_s: float) -> None:
        """Take changes that have just become durable, in commit order."""
        for change in changes:
            self._waiting.append(change)
            if change.commit.op == "DELETE":
                self._deleted.add(change.commit.row_id)
        if changes and self._due_s is None:
            self._due_s = self._next_read_s(now_s)

    def read(self, now_s: float) -> list[Change]:
        """The next changes that anybody may see; then say by :meth:`done` how they were met.

        Nothing before :attr:`due_s`.
        """
        if self._due_s is None or now_s < self._due_s:
            return []
        self._due_s = None
        count = min(len(self._waiting), self._switches.knobs.poll_max_changes)
        batch = [self._waiting.popleft() for _ in range(count)]
        present = [
            one
            for one in batch
            if one.commit.op == "DELETE" or one.commit.row_id not in self._deleted
        ]
        self._deleted -= {one.commit.row_id for one in batch if one.commit.op == "DELETE"}
        return present

    def done(self, *, interested: bool, now_s: float) -> None:
        """After a read: whether anybody was subscribed to any of its changes."""
        knobs = self._switches.knobs
        if not interested:
            self._free_s = now_s + knobs.poll_interval_s * (1 + self._rng.uniform(*_JITTER))
        elif self._waiting:
            self._free_s = now_s
        else:
            # Read again at once, in vain.
            self._free_s = now_s + _idle_s(knobs)
        if self._waiting:
            self._due_s = self._free_s

    def turned(self, now_s: float) -> None:
        """The knobs were turned: no read is later than the new ones would have it."""
        knobs = self._switches.knobs
        latest_s = now_s + max(knobs.poll_interval_s * (1 + max(_JITTER)), _idle_s(knobs))
        self._free_s = min(self._free_s, latest_s)
        if self._due_s is not None:
            self._due_s = min(self._due_s, latest_s)

    def _next_read_s(self, now_s: float) -> float:
        idle_s = _idle_s(self._switches.knobs)
        if now_s <= self._free_s or idle_s < _NO_PAUSE_S:
            return max(now_s, self._free_s)
        return self._free_s + math.ceil((now_s - self._free_s) / idle_s) * idle_s


def _idle_s(knobs: Knobs) -> float:
    return knobs.poll_interval_s * knobs.poll_idle_multiplier
