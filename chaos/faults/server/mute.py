"""Joined, but mute."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady
from chaos.faults.server.switches import Turned
from harness.runsettings import Text


class Mute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Channels join and get ``system ok``, but no rows (H4). Those of this time never come."""

    kind: ClassVar[str] = "mute"
    means: ClassVar[Means] = "server"
    disables: ClassVar[bool] = False

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002 (the protocol's)
        return steady(Turned(defects=frozenset(("mute",))))

    def evidence(self) -> Evidence:
        return Evidence(kinds=frozenset(("row",)), outcomes=frozenset(("unanswered",)))

    def sentence(self) -> Text:
        return Text(
            en="Live updates look connected, but no message comes through them.",
            ko="실시간 연결은 정상으로 보이지만 메시지가 하나도 오지 않습니다.",
        )
