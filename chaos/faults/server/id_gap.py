"""Ids are not in commit order."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from chaos.faults.model import SWITCHED, Evidence, Means, Setting, Stage, steady
from chaos.faults.server.switches import Turned
from harness.runsettings import Text


class IdGap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every 10th send takes its id at once and is committed ``commit_s`` later (H1).

    The canary looks at the switches only: one send in ten is too rare for its probes.
    """

    kind: ClassVar[str] = "id_gap"
    means: ClassVar[Means] = "server"
    disables: ClassVar[bool] = False

    commit_s: Annotated[float, msgspec.Meta(ge=0.2, le=600, description="seconds from 0.2 to 600")]

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002 (the protocol's)
        return steady(
            Turned(knobs={"slow_commit_s": self.commit_s}, defects=frozenset(("poll-id-gap",)))
        )

    def evidence(self) -> Evidence:
        return SWITCHED

    def sentence(self) -> Text:
        seconds = f"{self.commit_s:g}"
        return Text(
            en=(
                f"Every tenth message takes its number at once, but appears {seconds} s later,"
                " behind messages with greater numbers."
            ),
            ko=(
                f"메시지 열 개 중 하나는 번호를 먼저 받고 {seconds}초 뒤에야 저장되어,"
                " 번호가 더 큰 메시지보다 늦게 나타납니다."
            ),
        )
