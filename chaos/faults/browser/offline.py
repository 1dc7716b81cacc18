"""No network, and the browser knows it."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import IN_RECORDS, Evidence, Means, Setting, Stage, steady
from chaos.faults.moves import Moved
from harness.runsettings import Text


class Offline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``offline``, and ``online`` at its end: requests fail, an open WebSocket falls silent.

    It goes on afterwards, if the server has not given it up. A click on send is possible and
    fails (F5).
    """

    kind: ClassVar[str] = "offline"
    means: ClassVar[Means] = "browser"
    disables: ClassVar[bool] = False

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002
        """The same from begin to end; the argument is the protocol's."""
        return steady(Moved(go=("go_offline",), back=("go_online",)))

    def evidence(self) -> Evidence:
        return IN_RECORDS

    def sentence(self) -> Text:
        return Text(
            en="The browser says that it is offline, and nothing gets through.",
            ko="브라우저가 오프라인이라고 알리고, 아무것도 오가지 않습니다.",
        )
