"""The line is slow."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Ramping, Setting, Stage, steady, toxics
from chaos.faults.network.direction import WAYS, Direction, streams_of
from harness.runsettings import Text

_LONGEST_MS = 600_000
_LATE_FROM_S = 0.25
"""Rows of a busy server may be late by less of themselves."""


class Latency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every chunk is held for ``latency_ms`` plus or minus ``jitter_ms``, in order, on each leg.

    ``both`` (the default) therefore adds twice ``latency_ms`` to a round trip. Connecting is
    not slowed, and what is held leaves in one burst at the end. On the API with a delay beyond
    the send timeout this is the slow send route (S3, T3).
    """

    kind: ClassVar[str] = "latency"
    means: ClassVar[Means] = "toxiproxy"
    disables: ClassVar[bool] = False
    ramps: ClassVar[Ramping] = Ramping("latency_ms", rest=0)

    latency_ms: Annotated[
        int,
        msgspec.Meta(
            ge=1, le=_LONGEST_MS, description="a whole number of milliseconds from 1 to 600000"
        ),
    ]
    jitter_ms: Annotated[
        int,
        msgspec.Meta(
            ge=0, le=_LONGEST_MS, description="a whole number of milliseconds from 0 to latency_ms"
        ),
    ] = 0
    direction: Direction = "both"

    def __post_init__(self) -> None:
        if self.jitter_ms > self.latency_ms:
            raise ValueError(
                f"jitter_ms = {self.jitter_ms} is more than latency_ms = {self.latency_ms}"
            )

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        attributes = {"latency": self.latency_ms, "jitter": self.jitter_ms}
        return steady(*toxics(setting, "latency", attributes, streams_of(self.direction)))

    def evidence(self) -> Evidence:
        """Half of the delay that is planned for one leg or two: jitter and load lie below it."""
        return Evidence(
            kinds=frozenset(("ws", "http")),
            outcomes=frozenset(("unanswered",)),
            slower_by_s=len(streams_of(self.direction)) * self.latency_ms / 1000 / 2,
            rows_late_by_s=self._rows_late_by_s(),
        )

    def _rows_late_by_s(self) -> float | None:
        """Half of what is planned on the leg that rows take; short delays hide in the usual."""
        late_s = self.latency_ms / 1000 / 2
        return late_s if self.direction != "upstream" and late_s >= _LATE_FROM_S else None

    def sentence(self) -> Text:
        seconds = f"{self.latency_ms / 1000:g}"
        jitter_en = f", give or take {self.jitter_ms / 1000:g} s" if self.jitter_ms else ""
        jitter_ko = f"(±{self.jitter_ms / 1000:g}초)" if self.jitter_ms else ""
        way = WAYS[self.direction]
        return Text(
            en=f"{way.en} is delayed by {seconds} s{jitter_en}.",
            ko=f"{way.ko} {seconds}초{jitter_ko} 늦어집니다.",
        )
