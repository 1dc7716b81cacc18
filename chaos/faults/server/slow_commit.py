"""Commits are slow."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady
from chaos.faults.server.switches import Turned
from harness.runsettings import Text


class SlowCommit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every send is committed and answered ``commit_s`` later (S3), also where the end comes
    before that."""

    kind: ClassVar[str] = "slow_commit"
    means: ClassVar[Means] = "server"
    disables: ClassVar[bool] = False

    commit_s: Annotated[float, msgspec.Meta(ge=0.2, le=600, description="seconds from 0.2 to 600")]

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002 (the protocol's)
        return steady(
            Turned(knobs={"slow_commit_s": self.commit_s}, defects=frozenset(("slow-commit",)))
        )

    def evidence(self) -> Evidence:
        return Evidence(
            kinds=frozenset(("send",)),
            outcomes=frozenset(("unanswered",)),
            slower_by_s=self.commit_s / 2,
        )

    def sentence(self) -> Text:
        seconds = f"{self.commit_s:g}"
        return Text(
            en=f"Every message takes {seconds} s longer to be saved.",
            ko=f"모든 메시지의 저장이 {seconds}초 늦어집니다.",
        )
