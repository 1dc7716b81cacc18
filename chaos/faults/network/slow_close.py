"""The end of a connection is learnt late."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady, toxics
from chaos.faults.network.direction import Direction, streams_of
from harness.runsettings import Text


class SlowClose(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A close reaches the other end ``delay_ms`` late; data is untouched.

    ``upstream``: the server goes on holding the socket of a page that is gone, and counts one
    user twice when the page is back. ``downstream``: the page learns late that the server left.
    """

    kind: ClassVar[str] = "slow_close"
    means: ClassVar[Means] = "toxiproxy"
    disables: ClassVar[bool] = False

    delay_ms: Annotated[
        int,
        msgspec.Meta(
            ge=100, le=600_000, description="a whole number of milliseconds from 100 to 600000"
        ),
    ]
    direction: Direction = "both"

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        delay = {"delay": self.delay_ms}
        return steady(*toxics(setting, "slow_close", delay, streams_of(self.direction)))

    def evidence(self) -> Evidence:
        """A probe that says goodbye sees its close go up and come back, through both streams."""
        return Evidence(
            kinds=frozenset(("close",)),
            outcomes=frozenset(("unanswered",)),
            slower_by_s=len(streams_of(self.direction)) * self.delay_ms / 1000 / 2,
        )

    def sentence(self) -> Text:
        late = f"{self.delay_ms / 1000:g}"
        who_en, who_ko = {
            "both": ("the other end", "상대방은"),
            "upstream": ("the server", "서버는"),
            "downstream": ("the user's page", "사용자의 페이지는"),
        }[self.direction]
        return Text(
            en=f"When a connection is closed, {who_en} learns of it {late} s late.",
            ko=f"연결이 닫혀도 {who_ko} {late}초 늦게 알게 됩니다.",
        )
