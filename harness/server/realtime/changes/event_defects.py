"""Defects of the change stream, between its being read and its being sent. Pure.

They compose, hold only while they are switched on, and do the same to the same stream.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from harness.commitlog import Commit
from harness.server.defects import Defect
from harness.server.storage.model import Change
from harness.server.switches import Switches
from harness.wire.changes import MessageRow

LOSE_EVERY = 20
"""The defect ``event-lost`` loses one INSERT of so many."""
REBROADCAST_SEQ = 0
"""In place of the position of a commit, which a rebroadcast has not."""
REORDER_WITHIN_S = 1.0
"""How long ``events-reordered`` keeps a change back for the next of its room to overtake it."""


class EventDefects:
    """Passes changes on, wrongly where a defect says so."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches
        self._inserts = 0
        self._held: dict[int, tuple[float, Change]] = {}
        """By room: until when, and what ``events-reordered`` keeps back."""

    @property
    def due_s(self) -> float | None:
        """When to call :meth:`passed` even without changes; ``None`` while nothing is held."""
        if self._held and not self._switches.has(Defect.EVENTS_REORDERED):
            return -math.inf
        return min((until_s for until_s, _ in self._held.values()), default=None)

    def passed(self, changes: Iterable[Change], now_s: float) -> list[Change]:
        """What is to be sent now, in order."""
        sent = [change for one in changes for change in self._reordered(self._kept(one), now_s)]
        sent += self._released(now_s)
        return [one for one in sent for _ in range(self._copies())]

    def _kept(self, change: Change) -> Iterator[Change]:
        """One change, or none."""
        if self._lost(change):
            return
        if change.commit.op == "DELETE" and self._switches.has(Defect.DELETE_NOT_SENT):
            return
        yield change

    def _lost(self, change: Change) -> bool:
        # One that was sent before would shift which rows are lost, or be lost in their place.
        if change.commit.op != "INSERT" or change.commit.seq == REBROADCAST_SEQ:
            return False
        self._inserts += 1
        return self._switches.has(Defect.EVENT_LOST) and self._inserts % LOSE_EVERY == 0

    def _reordered(self, changes: Iterable[Change], now_s: float) -> Iterator[Change]:
        planted = self._switches.has(Defect.EVENTS_REORDERED)
        for change in changes:
            room = change.commit.webinar_id
            held = self._held.pop(room, None)
            if held is not None:
                yield from (change, held[1]) if planted else (held[1], change)
            elif planted:
                self._held[room] = (now_s + REORDER_WITHIN_S, change)
            else:
                yield change

    def _released(self, now_s: float) -> list[Change]:
        """What nothing has overtaken in time, or will, now that the defect is gone."""
        latest_s = now_s if self._switches.has(Defect.EVENTS_REORDERED) else math.inf
        over = [room for room, (until_s, _) in self._held.items() if until_s <= latest_s]
        return [self._held.pop(room)[1] for room in over]

    def _copies(self) -> int:
        return 2 if self._switches.has(Defect.EVENT_TWICE) else 1


def rebroadcast(row: MessageRow, now_s: float) -> Change:
    """The INSERT of a row that was committed long ago, as ``rebroadcast-on-retry`` sends it."""
    commit = Commit(
        seq=REBROADCAST_SEQ,
        op="INSERT",
        row_id=row.id,
        webinar_id=row.webinar_id,
        user_id=row.user_id,
        client_msg_id=row.client_msg_id,
        body=row.body,
        committed_s=now_s,
    )
    return Change(commit, row)
