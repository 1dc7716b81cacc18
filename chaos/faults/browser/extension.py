"""An extension comes between the page and its WebSockets."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from chaos.faults.model import IN_RECORDS, Evidence, Means, Setting, Stage
from chaos.faults.moves import Moved
from harness.runsettings import Text

_BLOCK = Moved(go=("block_sockets",), back=("unblock_sockets",))
_CUT = Moved(go=("cut_sockets",))


class Extension(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """T1: new WebSockets are refused at once, live ones are closed, or both.

    The page sees 1006 either way; requests to the API are left alone. ``blocks`` spares what is
    open. ``closes`` closes what is open every ``after_s`` and lets new ones open. ``both`` refuses
    from its begin on and closes what is open once, after ``after_s``.
    """

    kind: ClassVar[str] = "extension"
    means: ClassVar[Means] = "browser"
    disables: ClassVar[bool] = False

    mode: Annotated[
        Literal["blocks", "closes", "both"], msgspec.Meta(description="blocks, closes or both")
    ] = "both"
    after_s: Annotated[
        float,
        msgspec.Meta(
            ge=0,
            le=3600,
            description="seconds, 0 to 3600; with closes from 0.5 on, with blocks left out",
        ),
    ] = 0.0

    def __post_init__(self) -> None:
        if self.mode == "closes" and self.after_s < 0.5:
            raise ValueError("mode closes needs after_s, from 0.5 seconds on")
        if self.mode == "blocks" and self.after_s:
            raise ValueError("mode blocks closes nothing, so after_s has no effect; leave it out")

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        """Raises :class:`ValueError` where it would be over before it closes anything."""
        if self.after_s >= setting.for_s:
            raise ValueError(f"for_s = {setting.for_s:g} is over before after_s = {self.after_s:g}")
        if self.mode == "blocks":
            return (Stage(0.0, (_BLOCK,)),)
        if self.mode == "both":
            if self.after_s == 0:
                return (Stage(0.0, (_BLOCK, _CUT)),)
            return (Stage(0.0, (_BLOCK,)), Stage(self.after_s, (_BLOCK, _CUT)))
        return (Stage(0.0, ()), *self._cuts(setting.for_s))

    def _cuts(self, for_s: float) -> tuple[Stage, ...]:
        """Each cut holds until half-way to the next."""
        stages: list[Stage] = []
        number = 1
        while number * self.after_s < for_s:
            stages.append(Stage(round(number * self.after_s, 6), (_CUT,)))
            if (number + 0.5) * self.after_s < for_s:
                stages.append(Stage(round((number + 0.5) * self.after_s, 6), ()))
            number += 1
        return tuple(stages)

    def evidence(self) -> Evidence:
        return IN_RECORDS

    def sentence(self) -> Text:
        after = f"{self.after_s:g}"
        if self.mode == "blocks":
            return Text(
                en="An extension refuses every new WebSocket; one that is open is left alone.",
                ko="확장 프로그램이 새 WebSocket을 모두 거부하고, 이미 열린 것은 그대로 둡니다.",
            )
        if self.mode == "closes":
            return Text(
                en=f"An extension closes open WebSockets every {after} s.",
                ko=f"확장 프로그램이 열려 있는 WebSocket을 {after}초마다 닫습니다.",
            )
        later_en = f" after {after} s" if self.after_s else ""
        later_ko = f" {after}초 뒤에" if self.after_s else ""
        return Text(
            en=f"An extension refuses every new WebSocket and closes open ones{later_en}.",
            ko=f"확장 프로그램이 새 WebSocket을 모두 거부하고 열린 것은{later_ko} 닫습니다.",
        )
