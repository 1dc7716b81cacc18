"""Who came back, for the defect ``event-lost-on-reconnect``. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from harness.server.defects import Defect
from harness.server.realtime.effects import Effect, Publish
from harness.server.switches import Switches


class Reconnects:
    """Knows who was live on which topic before, and takes rows away from who is again.

    It remembers while the defect is planted, and no more than ``most``: then the first go.
    """

    def __init__(self, switches: Switches, most: int = 100_000) -> None:
        self._switches = switches
        self._most = most
        self._seen: dict[tuple[str, str], None] = {}
        """User and topic, as an ordered set."""
        self._deaf: dict[tuple[int, str], float] = {}
        """Connection and topic: what is committed before this moment does not reach them."""

    def live(self, connection: int, topic: str, user_id: str, now_s: float) -> None:
        """A user's channel became live."""
        if not self._switches.has(Defect.EVENT_LOST_ON_RECONNECT):
            return
        if (user_id, topic) in self._seen:
            self._deaf[connection, topic] = now_s + self._switches.knobs.lost_on_reconnect_s
            _forget_first(self._deaf, self._most)
        self._seen[user_id, topic] = None
        _forget_first(self._seen, self._most)

    def turned(self, live: Iterable[tuple[str, str]]) -> None:
        """The switches were turned while these, user and topic, were live."""
        if self._switches.has(Defect.EVENT_LOST_ON_RECONNECT):
            self._seen.update(dict.fromkeys(live))
            _forget_first(self._seen, self._most)
        else:
            self._seen.clear()
            self._deaf.clear()

    def heard(self, effects: list[Effect], committed_s: float) -> list[Effect]:
        """The effects of a change without those who miss it."""
        if not self._deaf:
            return effects
        self._deaf = {key: until_s for key, until_s in self._deaf.items() if committed_s < until_s}
        return list(self._without_deaf(effects))

    def _without_deaf(self, effects: Iterable[Effect]) -> Iterable[Effect]:
        for effect in effects:
            if not isinstance(effect, Publish):
                yield effect
                continue
            topic = effect.frame.topic
            rest = tuple(one for one in effect.connections if (one, topic) not in self._deaf)
            if rest:
                yield effect._replace(connections=rest)


def _forget_first(remembered: dict[Any, Any], most: int) -> None:
    for key in list(islice(remembered, max(0, len(remembered) - most))):
        del remembered[key]
