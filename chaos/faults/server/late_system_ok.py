"""Rows flow late after a join."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady
from chaos.faults.server.switches import Turned
from harness.runsettings import Text


class LateSystemOk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``system ok`` comes ``delay_s`` later after a join, and no row before it (H8).

    Channels that are live are untouched. A join of this time keeps its delay after the end.
    """

    kind: ClassVar[str] = "late_system_ok"
    means: ClassVar[Means] = "server"
    disables: ClassVar[bool] = False

    delay_s: Annotated[
        float, msgspec.Meta(ge=0.5, le=600, description="seconds from 0.5 to 600")
    ] = 15.0

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002 (the protocol's)
        return steady(
            Turned(knobs={"late_system_ok_s": self.delay_s}, defects=frozenset(("late-system-ok",)))
        )

    def evidence(self) -> Evidence:
        return Evidence(
            kinds=frozenset(("join",)),
            outcomes=frozenset(("unanswered",)),
            slower_by_s=self.delay_s / 2,
        )

    def sentence(self) -> Text:
        seconds = f"{self.delay_s:g}"
        return Text(
            en=f"Who connects is told so at once, but gets messages only {seconds} s later.",
            ko=f"연결되었다고 바로 표시되지만 메시지는 {seconds}초 뒤에야 오기 시작합니다.",
        )
