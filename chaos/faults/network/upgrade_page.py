"""A filter answers with a page of its own."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage
from chaos.faults.network.upgrades import (
    OpenSockets,
    upgrade_evidence,
    upgrade_sentence,
    upgrade_stages,
)
from chaos.relay.rules import Page
from harness.runsettings import Text


class UpgradePage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The opening request of a WebSocket is answered 200 with an HTML page and closed.

    So do captive portals and filtering proxies. The server never hears of it.
    """

    kind: ClassVar[str] = "upgrade_page"
    means: ClassVar[Means] = "relay"
    disables: ClassVar[bool] = False

    open_sockets: OpenSockets = "cut"

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        return upgrade_stages(setting, Page(), self.open_sockets)

    def evidence(self) -> Evidence:
        return upgrade_evidence("error", open_sockets=self.open_sockets)

    def sentence(self) -> Text:
        what = Text(
            en="every new one gets a web page for an answer, as from a hotel's network",
            ko="새로 연결하려 하면 호텔 네트워크처럼 웹 페이지가 대신 돌아옵니다",
        )
        return upgrade_sentence(what, self.open_sockets)
