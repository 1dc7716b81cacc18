"""The line is narrow."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady, toxics
from chaos.faults.network.bulk import FASTEST_BYTES_PER_S, throttled
from chaos.faults.network.direction import WAYS, Direction, streams_of
from harness.runsettings import Text

_BYTES_PER_KB = 1_000
"""Toxiproxy's: a rate of 1 is a byte a millisecond."""
_FASTEST_KB_PER_S = FASTEST_BYTES_PER_S // _BYTES_PER_KB


class Bandwidth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each connection carries ``rate_kb_per_s`` at most, in each direction apart.

    Toxiproxy holds a chunk for as long as its bytes take (1 KB = 1,000 bytes), in slices of
    100 ms. What comes faster waits, first in the proxy, then by TCP's back-pressure at its sender.
    """

    kind: ClassVar[str] = "bandwidth"
    means: ClassVar[Means] = "toxiproxy"
    disables: ClassVar[bool] = False

    rate_kb_per_s: Annotated[
        int,
        msgspec.Meta(
            ge=1,
            le=_FASTEST_KB_PER_S,
            description=f"a whole number of kilobytes a second from 1 to {_FASTEST_KB_PER_S}",
        ),
    ]
    """0 would be a stall; that is ``half_open``."""
    direction: Direction = "both"

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        rate = {"rate": self.rate_kb_per_s}
        return steady(*toxics(setting, "bandwidth", rate, streams_of(self.direction)))

    def evidence(self) -> Evidence:
        """A heartbeat of 60 bytes is hardly slowed; what is as long as the line is narrow is."""
        return throttled(self.rate_kb_per_s * _BYTES_PER_KB)

    def sentence(self) -> Text:
        way = WAYS[self.direction]
        return Text(
            en=f"{way.en} has to pass a narrow line of {self.rate_kb_per_s} KB a second.",
            ko=f"{way.ko} 초당 {self.rate_kb_per_s}KB의 좁은 회선을 지나갑니다.",
        )
