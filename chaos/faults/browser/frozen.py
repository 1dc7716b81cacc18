"""The browser stops the page."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import IN_RECORDS, Evidence, Means, Setting, Stage, steady
from chaos.faults.moves import Moved
from harness.runsettings import Text


class Frozen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The tab is hidden and frozen at once, and shown at its end.

    No task of the page runs meanwhile; what comes for it waits. The browser stops no page that is
    in front, so hiding is a part of it.
    """

    kind: ClassVar[str] = "frozen"
    means: ClassVar[Means] = "browser"
    disables: ClassVar[bool] = False

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002
        """The same from begin to end; the argument is the protocol's."""
        return steady(Moved(go=("hide", "freeze"), back=("show",)))

    def evidence(self) -> Evidence:
        return IN_RECORDS

    def sentence(self) -> Text:
        return Text(
            en="The browser freezes the tab in the background: nothing of the page runs.",
            ko="브라우저가 백그라운드 탭을 정지시켜 페이지가 전혀 실행되지 않습니다.",
        )
