"""A proxy's page instead of an answer."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady
from chaos.faults.server.switches import Turned
from harness.runsettings import Text


class HtmlPage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every send is committed, but answered with 502 and an HTML page (S8)."""

    kind: ClassVar[str] = "html_page"
    means: ClassVar[Means] = "server"
    disables: ClassVar[bool] = False

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002 (the protocol's)
        return steady(
            Turned(knobs={"strike_all": "html-error"}, defects=frozenset(("html-error",)))
        )

    def evidence(self) -> Evidence:
        return Evidence(kinds=frozenset(("send",)), outcomes=frozenset(("error",)))

    def sentence(self) -> Text:
        return Text(
            en="Every message is saved, but its sender gets an error page (502) for an answer.",
            ko="메시지는 저장되지만 보낸 사람에게는 오류 페이지(502)가 돌아옵니다.",
        )
