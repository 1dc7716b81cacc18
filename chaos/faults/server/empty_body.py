"""Success without a word."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady
from chaos.faults.server.switches import Turned
from harness.runsettings import Text


class EmptyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every send is committed, but answered 200 without a body (S8)."""

    kind: ClassVar[str] = "empty_body"
    means: ClassVar[Means] = "server"
    disables: ClassVar[bool] = False

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002 (the protocol's)
        return steady(
            Turned(knobs={"strike_all": "empty-body"}, defects=frozenset(("empty-body",)))
        )

    def evidence(self) -> Evidence:
        return Evidence(kinds=frozenset(("send",)), outcomes=frozenset(("error",)))

    def sentence(self) -> Text:
        return Text(
            en="Every message is saved, but its sender gets an empty answer.",
            ko="메시지는 저장되지만 보낸 사람에게는 빈 응답이 돌아옵니다.",
        )
