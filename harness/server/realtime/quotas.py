"""What a hosted project may do in a second, by its plan, and what comes of doing more. Pure.

Rates are averages: see :class:`RateMeter`. Two outcomes differ in kind. Broadcast and presence
over their limit end channels, which everybody notices. Database changes over theirs are
discarded for all, and nobody is told. Source: realtime.md 3.5; docs/realtime.md, "Quotas".
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from typing import Literal

from harness.server.realtime.effects import Effect, Publish, PublishBinary

PlanName = Literal["off", "free", "pro", "team"]

_KB = 1000
_PADDING_BYTES = 500


@dataclass(frozen=True)
class Plan:
    """The limits of a plan."""

    connections: float
    """Sockets with a channel at one time."""
    messages_per_s: float
    """Broadcasts sent and received; and, counted apart, deliveries of database changes."""
    joins_per_s: float
    presence_per_s: float
    payload_kb: int
    """The payload of one broadcast or ``track``."""

    def fits(self, payload_bytes: int) -> bool:
        """Whether a payload may be sent."""
        return payload_bytes <= self.payload_kb * _KB + _PADDING_BYTES


_PLANS: dict[PlanName, Plan] = {
    "off": Plan(math.inf, math.inf, math.inf, math.inf, 3000),
    "free": Plan(200, 100, 100, 20, 256),
    "pro": Plan(500, 500, 500, 50, 3000),
    "team": Plan(10_000, 2_500, 2_500, 1_000, 3000),
}


def plan(name: PlanName) -> Plan:
    """The limits of a plan; ``off`` has none but the size of a payload."""
    return _PLANS[name]


class RateMeter:
    """A rate as the average over the last 12 buckets of 5 s, counted from its first use.

    The average moves at the end of a bucket only. Just after the start there are fewer buckets,
    so the same rush weighs more. The first bucket is empty, as in the genuine server, whose
    counter ticks once at its start.
    """

    BUCKET_S = 5.0
    BUCKETS = 12

    def __init__(self) -> None:
        self._full: deque[int] = deque([0], maxlen=self.BUCKETS)
        self._filling = 0
        self._until_s: float | None = None

    def add(self, count: int, now_s: float) -> None:
        """Count events that happen now."""
        self._advance(now_s)
        self._filling += count

    def average(self, now_s: float) -> float:
        """Events per second, as of the end of the last bucket."""
        self._advance(now_s)
        return sum(self._full) / len(self._full) / self.BUCKET_S

    def _advance(self, now_s: float) -> None:
        if self._until_s is None:
            self._until_s = now_s + self.BUCKET_S
        ended = math.floor((now_s - self._until_s) / self.BUCKET_S) + 1
        if ended <= 0:
            return
        self._full.append(self._filling)
        self._full.extend(repeat(0, min(ended - 1, self.BUCKETS)))
        self._filling = 0
        self._until_s += ended * self.BUCKET_S


class Quotas:
    """What the project has used up. ``plan_now`` says which plan holds, and may change; so may
    ``used_up``, whether the changes of the plan are gone however few they were."""

    def __init__(
        self, plan_now: Callable[[], Plan], used_up: Callable[[], bool] = lambda: False
    ) -> None:
        self._plan_now = plan_now
        self._used_up = used_up
        self.messages = RateMeter()
        self.changes = RateMeter()
        self.joins = RateMeter()
        self.presence = RateMeter()
        self.changes_discarded = 0
        """Committed changes that reached nobody because of the quota."""
        self._counted: dict[int, None] = {}

    @property
    def plan(self) -> Plan:
        """The limits that hold now."""
        return self._plan_now()

    def has_room(self, connection: int | None = None) -> bool:
        """Whether one more connection may have channels; one that is counted stays so."""
        return connection in self._counted or len(self._counted) < self.plan.connections

    def count_connection(self, connection: int) -> None:
        """A connection counts from its first successful join until it is gone."""
        self._counted[connection] = None

    def forget_connection(self, connection: int) -> None:
        """It is gone."""
        self._counted.pop(connection, None)

    def too_many_joins(self, now_s: float) -> bool:
        """Whether joins, and handshakes, are refused now."""
        return self.joins.average(now_s) >= self.plan.joins_per_s

    def too_many_messages(self, now_s: float) -> bool:
        """Whether a channel that gets a broadcast now is ended."""
        return self.messages.average(now_s) >= self.plan.messages_per_s

    def take_presence(self, now_s: float) -> bool:
        """Count a presence message; False where that is one too many."""
        if self.presence.average(now_s) > self.plan.presence_per_s:
            return False
        self.presence.add(1, now_s)
        return True

    def publish_change(self, publish: Callable[[], list[Effect]], now_s: float) -> list[Effect]:
        """Publish a change unless over the limit; each delivery of it counts."""
        if self._used_up() or self.changes.average(now_s) >= self.plan.messages_per_s:
            self.changes_discarded += 1
            return []
        effects = publish()
        self.changes.add(deliveries(effects), now_s)
        return effects


def deliveries(effects: list[Effect]) -> int:
    """To how many connections the effects publish something."""
    published = (one for one in effects if isinstance(one, Publish | PublishBinary))
    return sum(len(one.connections) for one in published)
