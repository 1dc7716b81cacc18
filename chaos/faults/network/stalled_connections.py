"""Single connections go silent."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import SILENCE, Evidence, Means, Setting, Stage, on_relay, steady
from chaos.relay.rules import Stall
from harness.runsettings import Text


class StalledConnections(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing moves on the connections it hits, in both directions, until it ends.

    Like ``half_open``, but the share of the connections is exact and the same for both
    directions: of those that are open, and of those that come. Nothing is lost, and no close is
    passed on before the end.
    """

    kind: ClassVar[str] = "stalled_connections"
    means: ClassVar[Means] = "relay"
    disables: ClassVar[bool] = False

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        return steady(on_relay(setting, Stall()))

    def evidence(self) -> Evidence:
        return msgspec.structs.replace(SILENCE, rows_late_by_s=0.5)

    def sentence(self) -> Text:
        return Text(
            en=(
                "A connection looks alive, but nothing gets through it in either direction;"
                " what was held back arrives when it ends."
            ),
            ko=(
                "연결은 살아 있는 것처럼 보이지만 양쪽으로 아무것도 오가지 않다가,"
                " 장애가 끝나면 밀린 내용이 한꺼번에 도착합니다."
            ),
        )
