"""The bytes come in crumbs."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady, toxics
from chaos.faults.network.bulk import FASTEST_BYTES_PER_S, throttled
from chaos.faults.network.direction import WAYS, Direction, streams_of
from harness.runsettings import Text

_US_PER_S = 1_000_000
_PIECES = 3
"""At the least: a pause shows only between pieces."""


class Sliced(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every chunk is cut into pieces of about ``average_bytes``, with a pause after each.

    A frame then comes in several reads, its head alone perhaps. Toxiproxy halves a chunk until
    its pieces are at most ``average_bytes`` plus ``variation_bytes`` long; a chunk that is
    shorter than that stays whole.
    """

    kind: ClassVar[str] = "sliced"
    means: ClassVar[Means] = "toxiproxy"
    disables: ClassVar[bool] = False

    average_bytes: Annotated[
        int, msgspec.Meta(ge=1, le=5_000, description="a whole number of bytes from 1 to 5000")
    ]
    variation_bytes: Annotated[
        int,
        msgspec.Meta(ge=0, le=4_999, description="a whole number of bytes below average_bytes"),
    ] = 0
    pause_us: Annotated[
        int,
        msgspec.Meta(
            ge=1_000,
            le=_US_PER_S,
            description="a whole number of microseconds from 1000 to 1000000",
        ),
    ] = 10_000
    """Without one the pieces would come together again on their way. Timers of a process are good
    for a millisecond at best."""
    direction: Direction = "both"

    def __post_init__(self) -> None:
        if self.variation_bytes >= self.average_bytes:
            raise ValueError(
                f"variation_bytes = {self.variation_bytes} is not below"
                f" average_bytes = {self.average_bytes}"
            )
        if self._bytes_per_s > FASTEST_BYTES_PER_S:
            raise ValueError(
                f"average_bytes = {self.average_bytes} with pause_us = {self.pause_us} is too fast"
                f" to be felt; allowed: pause_us from"
                f" {self._largest_bytes * _US_PER_S // FASTEST_BYTES_PER_S} on"
            )

    @property
    def _largest_bytes(self) -> int:
        return self.average_bytes + self.variation_bytes

    @property
    def _bytes_per_s(self) -> float:
        """At most: of the largest pieces with a pause after each."""
        return self._largest_bytes * _US_PER_S / self.pause_us

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        attributes = {
            "average_size": self.average_bytes,
            "size_variation": self.variation_bytes,
            "delay": self.pause_us,
        }
        return steady(*toxics(setting, "slicer", attributes, streams_of(self.direction)))

    def evidence(self) -> Evidence:
        """The pauses add up: many pieces come as late as over a narrow line."""
        return throttled(self._bytes_per_s, at_least_bytes=_PIECES * self._largest_bytes)

    def sentence(self) -> Text:
        way = WAYS[self.direction]
        pause = f"{self.pause_us / 1000:g}"
        return Text(
            en=(
                f"{way.en} arrives in small pieces of about {self.average_bytes} bytes,"
                f" {pause} ms apart."
            ),
            ko=f"{way.ko} 약 {self.average_bytes}바이트의 조각으로 {pause}ms마다 나뉘어 옵니다.",
        )
