"""The line goes silent and later thaws."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import SILENCE, Evidence, Means, Setting, Stage, steady, toxics
from harness.runsettings import Text


class HalfOpen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing moves in either direction, nothing is lost, and no close is passed on.

    Bandwidth 0: bytes wait under TCP back-pressure and are delivered when the toxics go, as
    after a sleeping laptop or a dead radio link.
    """

    kind: ClassVar[str] = "half_open"
    means: ClassVar[Means] = "toxiproxy"
    disables: ClassVar[bool] = False

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        return steady(*toxics(setting, "bandwidth", {"rate": 0}))

    def evidence(self) -> Evidence:
        return msgspec.structs.replace(SILENCE, rows_late_by_s=0.5)

    def sentence(self) -> Text:
        return Text(
            en=(
                "The connection looks alive, but nothing gets through;"
                " what was held back arrives when it ends."
            ),
            ko=(
                "연결은 살아 있는 것처럼 보이지만 아무것도 오가지 않다가,"
                " 장애가 끝나면 밀린 내용이 한꺼번에 도착합니다."
            ),
        )
