"""Sends are refused with 500, in bursts."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady
from chaos.faults.server.switches import Turned
from harness.runsettings import Text

_SHORTEST_S = 0.001
"""A stage that has less than this until the fault's end is not worth a step."""


class ErrorBurst(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every send is answered 500 in the agreed shape and not committed, for ``on_s`` at a time.

    Between two bursts all is well for ``off_s``; with 0 there is one burst from begin to end.
    """

    kind: ClassVar[str] = "error_burst"
    means: ClassVar[Means] = "server"
    disables: ClassVar[bool] = False

    on_s: Annotated[float, msgspec.Meta(ge=0.5, le=600, description="seconds from 0.5 to 600")] = (
        2.0
    )
    off_s: Annotated[float, msgspec.Meta(ge=0, le=600, description="seconds from 0 to 600")] = 0.0

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        turned = Turned(knobs={"strike_all": "error-burst"}, defects=frozenset(("error-burst",)))
        if self.off_s == 0:
            return steady(turned)
        period_s = self.on_s + self.off_s
        stages: list[Stage] = []
        for number in range(math.ceil(setting.for_s / period_s)):
            begin_s = round(number * period_s, 6)
            stages += [Stage(begin_s, (turned,)), Stage(round(begin_s + self.on_s, 6), ())]
        return tuple(stage for stage in stages if stage.after_s < setting.for_s - _SHORTEST_S)

    def evidence(self) -> Evidence:
        return Evidence(kinds=frozenset(("send",)), outcomes=frozenset(("error",)))

    def sentence(self) -> Text:
        en, ko = "", ""
        if self.off_s:
            en = f", for {self.on_s:g} s at a time with {self.off_s:g} s between"
            ko = f"{self.on_s:g}초씩, {self.off_s:g}초 간격으로 "
        return Text(
            en=f"Every message is refused with a server error (500){en}.",
            ko=f"{ko}모든 메시지 전송이 서버 오류(500)로 거부됩니다.",
        )
