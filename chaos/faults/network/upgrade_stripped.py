"""A proxy that knows no WebSocket."""

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
from chaos.relay.rules import Strip
from harness.runsettings import Text


class UpgradeStripped(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``Upgrade`` and ``Connection`` are taken out of the opening request of a WebSocket.

    The server gets an ordinary request and answers it as one (ours: 404), which is no WebSocket.
    """

    kind: ClassVar[str] = "upgrade_stripped"
    means: ClassVar[Means] = "relay"
    disables: ClassVar[bool] = False

    open_sockets: OpenSockets = "cut"

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        return upgrade_stages(setting, Strip(), self.open_sockets)

    def evidence(self) -> Evidence:
        return upgrade_evidence("error", open_sockets=self.open_sockets)

    def sentence(self) -> Text:
        what = Text(
            en="new ones fail, since a proxy on the way turns them into ordinary web requests",
            ko="중간의 프록시가 일반 웹 요청으로 바꿔 버려 새 연결이 실패합니다",
        )
        return upgrade_sentence(what, self.open_sockets)
