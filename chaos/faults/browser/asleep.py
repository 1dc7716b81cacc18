"""The lid is closed."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import IN_RECORDS, Evidence, Means, Setting, Stage, steady
from chaos.faults.moves import Moved
from harness.runsettings import Text


class Asleep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The lid is closed, and opened at its end: hidden, offline, and no timer runs meanwhile.

    On waking, sockets and requests are lost (H10).
    """

    kind: ClassVar[str] = "asleep"
    means: ClassVar[Means] = "browser"
    disables: ClassVar[bool] = False

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002
        """The same from begin to end; the argument is the protocol's."""
        return steady(Moved(go=("close_lid",), back=("open_lid",)))

    def evidence(self) -> Evidence:
        return IN_RECORDS

    def sentence(self) -> Text:
        return Text(
            en="The laptop sleeps: nothing runs, and its connections are lost when it wakes.",
            ko="노트북이 절전 상태입니다. 아무것도 실행되지 않고, 깨어나면 연결이 끊겨 있습니다.",
        )
