"""Packets are lost, as TCP lets it be felt: stalls, and bursts after them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, log
from random import Random
from typing import Annotated, ClassVar

import msgspec

from chaos.faults.model import BOTH_WAYS, Evidence, Means, Setting, Stage, toxics
from chaos.toxiproxy.model import Stream
from harness.runsettings import Text

RTO_MIN_S = 0.2
"""Linux adds at least this to the round trip (``TCP_RTO_MIN`` in include/net/tcp.h); RFC 6298
says a second, Windows waits 0.3 s."""
RTO_MAX_S = 120.0
"""Linux's ``TCP_RTO_MAX``."""
DUPLICATE_ACKS = 3
"""So many later segments must arrive before the sender takes one for lost (RFC 5681, 3.2)."""
_SHORTEST_GAP_S = 0.02
"""Toxiproxy is told of every change by HTTP; closer ones would run into each other."""

_SHORTEST_FELT_S = 0.15
"""The canary's probes are 50 ms apart."""
_DIGITS = 3
"""Of seconds. Rounded before it is compared with the end, which no stage may reach."""


@dataclass(frozen=True)
class Stall:
    """A time in which one direction stands still, in seconds after the fault's begin."""

    begin_s: float
    end_s: float
    stream: Stream


class Loss(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``loss_percent`` of the segments are lost, and all that comes after one waits until it was
    sent again.

    A proxy holds TCP's stream, not its packets, so it cannot drop one; what it can do is what
    TCP makes of the loss. A connection of ``segments_per_s`` loses each segment by chance. If
    three more follow within a round trip, the sender notices and sends it again: a stall of
    about ``rtt_ms``. If not, it waits for its timer: the round trip and 200 ms, and twice as
    long each time the repetition is lost too. All connections of the proxy stall together, as
    behind one bad radio link.
    """

    kind: ClassVar[str] = "loss"
    means: ClassVar[Means] = "toxiproxy"
    disables: ClassVar[bool] = False

    loss_percent: Annotated[
        float, msgspec.Meta(ge=0.1, le=50, description="a number from 0.1 to 50")
    ]
    rtt_ms: Annotated[
        int,
        msgspec.Meta(ge=40, le=5_000, description="a whole number of milliseconds from 40 to 5000"),
    ]
    """Sets how long the stalls are; it is not played itself, which ``latency`` does."""
    segments_per_s: Annotated[
        float, msgspec.Meta(ge=1, le=10_000, description="a number from 1 to 10000")
    ] = 20.0
    """Of the connection that is imagined, in each direction: a busy chat."""

    def __post_init__(self) -> None:
        if self._shortest_s < _SHORTEST_FELT_S:
            raise ValueError(
                f"{self.segments_per_s:g} segments a second notice a loss within rtt_ms ="
                f" {self.rtt_ms}, too short to be felt; allowed: rtt_ms from"
                f" {_SHORTEST_FELT_S * 1000:g} on, or segments_per_s below"
                f" {DUPLICATE_ACKS / self._rtt_s:g}"
            )

    @property
    def _rtt_s(self) -> float:
        return self.rtt_ms / 1000

    @property
    def _noticed(self) -> bool:
        """Enough segments follow a lost one within a round trip."""
        return self.segments_per_s * self._rtt_s >= DUPLICATE_ACKS

    @property
    def _timer_s(self) -> float:
        return self._rtt_s + RTO_MIN_S

    @property
    def _shortest_s(self) -> float:
        return self._rtt_s if self._noticed else self._timer_s

    def stalls(self, rng: Random, for_s: float) -> Iterator[Stall]:
        """One after the other, cut off at ``for_s``."""
        segments_per_s = 2 * self.segments_per_s  # of both directions
        end_s = 0.0
        while True:
            gap_s = max(self._segments_until_loss(rng) / segments_per_s, _SHORTEST_GAP_S)
            begin_s = round(end_s + gap_s, _DIGITS)
            if begin_s >= for_s:
                return
            end_s = round(begin_s + self._stall_s(rng), _DIGITS)
            yield Stall(begin_s, min(end_s, for_s), rng.choice(BOTH_WAYS))

    def _segments_until_loss(self, rng: Random) -> int:
        """Geometric: the number of the first segment that is lost."""
        return max(1, ceil(log(1 - rng.random()) / log(1 - self.loss_percent / 100)))

    def _stall_s(self, rng: Random) -> float:
        if self._noticed and not self._lost(rng):
            return self._rtt_s
        waited_s, timer_s = self._timer_s, self._timer_s
        while self._lost(rng):
            timer_s = min(2 * timer_s, RTO_MAX_S)
            waited_s += timer_s
        return waited_s

    def _lost(self, rng: Random) -> bool:
        return rng.random() < self.loss_percent / 100

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        found = [Stage(0.0, ())]
        for stall in self.stalls(setting.rng, setting.for_s):
            held = toxics(setting, "bandwidth", {"rate": 0}, (stall.stream,))
            found.append(Stage(stall.begin_s, held))
            if stall.end_s < setting.for_s:
                found.append(Stage(stall.end_s, ()))
        return tuple(found)

    def evidence(self) -> Evidence:
        """Most of the shortest stall is left for a probe or two to fall into."""
        return Evidence(
            kinds=frozenset(("ws", "http")),
            outcomes=frozenset(("unanswered",)),
            slower_by_s=self._shortest_s / 3,
        )

    def sentence(self) -> Text:
        return Text(
            en=(
                f"Packets are lost ({self.loss_percent:g}%): again and again nothing arrives for"
                " a moment, and then everything at once."
            ),
            ko=(
                f"패킷이 유실되어({self.loss_percent:g}%) 아무것도 오지 않다가"
                " 한꺼번에 도착하는 일이 되풀이됩니다."
            ),
        )
