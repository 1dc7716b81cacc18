"""The plan's quota is used up."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady
from chaos.faults.server.switches import Turned
from harness.runsettings import Text


class Quota(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every change of the database is discarded for everybody, and nobody is told.

    As a hosted project does above its plan's messages a second, but whatever the traffic, so that
    it begins when it was planned. The other limits of a plan are the knob ``plan``.
    """

    kind: ClassVar[str] = "quota"
    means: ClassVar[Means] = "server"
    disables: ClassVar[bool] = False

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002 (the protocol's)
        return steady(Turned(knobs={"changes_used_up": True}))

    def evidence(self) -> Evidence:
        return Evidence(kinds=frozenset(("row",)), outcomes=frozenset(("unanswered",)))

    def sentence(self) -> Text:
        return Text(
            en=(
                "The plan's quota of live messages is used up: they are thrown away, and nobody"
                " is told."
            ),
            ko="요금제의 실시간 메시지 한도가 차서, 아무 알림 없이 메시지가 버려집니다.",
        )
