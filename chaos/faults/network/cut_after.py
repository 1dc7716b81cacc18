"""The line breaks in the middle of something."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady, toxics
from chaos.faults.network.bulk import MOST_BYTES
from chaos.faults.network.direction import Direction, streams_of
from harness.runsettings import Text


class CutAfter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A connection is closed when ``after_bytes`` have passed, wherever in a frame that is.

    Counted for each connection and direction, from the fault's begin or the connection's. The
    receiver gets the bytes up to the limit and then a close; the rest of the frame is gone.
    """

    kind: ClassVar[str] = "cut_after"
    means: ClassVar[Means] = "toxiproxy"
    disables: ClassVar[bool] = False

    after_bytes: Annotated[
        int,
        msgspec.Meta(
            ge=1, le=MOST_BYTES, description=f"a whole number of bytes from 1 to {MOST_BYTES}"
        ),
    ]
    direction: Direction = "downstream"

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        limit = {"bytes": self.after_bytes}
        return steady(*toxics(setting, "limit_data", limit, streams_of(self.direction)))

    def evidence(self) -> Evidence:
        """Every probe that carries as much is cut; the small ones take their time to get there."""
        return Evidence(
            kinds=frozenset(("bulk",)),
            outcomes=frozenset(("closed",)),
            bulk_bytes=self.after_bytes,
        )

    def sentence(self) -> Text:
        which_en, which_ko = {
            "both": ("sent or received", "보내거나 받고"),
            "upstream": ("sent", "보내고"),
            "downstream": ("received", "받고"),
        }[self.direction]
        return Text(
            en=(
                f"The connection breaks after every {self.after_bytes} bytes {which_en},"
                " in the middle of a message if need be."
            ),
            ko=(
                f"{self.after_bytes}바이트를 {which_ko} 나면, 메시지 중간이라도 연결이 끊어집니다."
            ),
        )
