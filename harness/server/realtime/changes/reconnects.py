"""Who came back, for the defect ``event-lost-on-reconnect``. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

from harness.server.defects import Defect
from harness.server.realtime.effects import Effect, Publish
from harness.server.switches import Switches


class Reconnects:
    """Knows who was live on which topic and is not any more, and takes rows away from who is again.

    Each channel that is gone is come back for once, so that a second tab beside a first one that
    stays is no return. A channel without a user is known by its connection, and so comes back on
    that alone. Remembered is what goes while the defect is planted, no more than ``most``: then
    the first are forgotten.
    """

    def __init__(self, switches: Switches, most: int = 100_000) -> None:
        self._switches = switches
        self._most = most
        self._gone: dict[tuple[str | int, str], int] = {}
        """How many channels are gone, by user (or connection, where it had none) and topic."""
        self._deaf: dict[tuple[int, str], float] = {}
        """Connection and topic: what is committed before this moment does not reach them."""

    def live(self, connection: int, topic: str, user_id: str, now_s: float) -> None:
        """A user's channel became live."""
        if not self._switches.has(Defect.EVENT_LOST_ON_RECONNECT):
            return
        key = (user_id or connection, topic)
        gone = self._gone.pop(key, 0)
        if gone:
            self._deaf[connection, topic] = now_s + self._switches.knobs.lost_on_reconnect_s
            _forget_first(self._deaf, self._most)
        if gone > 1:
            self._gone[key] = gone - 1

    def ended(self, connection: int, topic: str, user_id: str) -> None:
        """A channel that was live is gone, or its connection is."""
        if not self._switches.has(Defect.EVENT_LOST_ON_RECONNECT):
            return
        key = (user_id or connection, topic)
        self._gone[key] = self._gone.get(key, 0) + 1
        _forget_first(self._gone, self._most)

    def turned(self) -> None:
        """The switches were turned."""
        if not self._switches.has(Defect.EVENT_LOST_ON_RECONNECT):
            self._gone.clear()
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
