"""A filter says no to WebSockets."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage
from chaos.faults.network.upgrades import (
    OpenSockets,
    upgrade_evidence,
    upgrade_sentence,
    upgrade_stages,
)
from chaos.relay.rules import Refuse
from harness.runsettings import Text


class UpgradeRefused(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The opening request of a WebSocket is answered with an error status and closed.

    The server never hears of it. Other requests pass.
    """

    kind: ClassVar[str] = "upgrade_refused"
    means: ClassVar[Means] = "relay"
    disables: ClassVar[bool] = False

    status: Annotated[
        int, msgspec.Meta(ge=400, le=599, description="an HTTP status from 400 to 599")
    ] = 403
    open_sockets: OpenSockets = "cut"

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        return upgrade_stages(setting, Refuse(self.status), self.open_sockets)

    def evidence(self) -> Evidence:
        return upgrade_evidence("error", open_sockets=self.open_sockets)

    def sentence(self) -> Text:
        what = Text(
            en=f"every new one is refused by something on the way (HTTP {self.status})",
            ko=f"새로 연결하려 하면 중간 장비가 HTTP {self.status} 응답으로 거부합니다",
        )
        return upgrade_sentence(what, self.open_sockets)
