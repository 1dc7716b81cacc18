"""The tab is in the background."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import IN_RECORDS, Evidence, Means, Setting, Stage, steady
from chaos.faults.moves import Moved
from harness.runsettings import Text


class Hidden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``visibilitychange``: hidden, and visible at its end. Timers run late, polls pause (F5)."""

    kind: ClassVar[str] = "hidden"
    means: ClassVar[Means] = "browser"
    disables: ClassVar[bool] = False

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002
        """The same from begin to end; the argument is the protocol's."""
        return steady(Moved(go=("hide",), back=("show",)))

    def evidence(self) -> Evidence:
        return IN_RECORDS

    def sentence(self) -> Text:
        return Text(
            en="The tab is in the background.",
            ko="탭이 백그라운드에 있습니다.",
        )
