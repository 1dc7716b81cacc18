"""A route hangs."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady
from chaos.faults.server.switches import Turned
from harness.receipts import ProbeKind
from harness.runsettings import Text


class Hang(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A route never answers: ``create`` is that of sends, and commits none; ``poll`` that of reads.

    Requests of this time go on hanging after its end, until their clients give up (S8, F3).
    """

    kind: ClassVar[str] = "hang"
    means: ClassVar[Means] = "server"
    disables: ClassVar[bool] = False

    route: Annotated[Literal["create", "poll"], msgspec.Meta(description="create or poll")] = (
        "create"
    )

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002 (the protocol's)
        return steady(Turned(defects=frozenset((f"hang-{self.route}",))))

    def evidence(self) -> Evidence:
        kind: ProbeKind = "send" if self.route == "create" else "poll"
        return Evidence(kinds=frozenset((kind,)), outcomes=frozenset(("unanswered",)))

    def sentence(self) -> Text:
        if self.route == "create":
            return Text(
                en="Sending a message never gets an answer, and the message is not saved.",
                ko="메시지를 보내도 응답이 오지 않고, 저장되지도 않습니다.",
            )
        return Text(
            en="Loading messages never gets an answer.",
            ko="메시지를 불러와도 응답이 오지 않습니다.",
        )
