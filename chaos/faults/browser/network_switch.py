"""Wi-Fi to mobile."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import IN_RECORDS, Evidence, Means, Setting, Stage, steady
from chaos.faults.moves import Moved
from harness.runsettings import Text


class NetworkSwitch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From one network to another, for as long as it takes without any.

    At its end requests work, and the WebSocket that was open is dead without anybody saying so: a
    missed heartbeat does (H4).
    """

    kind: ClassVar[str] = "network_switch"
    means: ClassVar[Means] = "browser"
    disables: ClassVar[bool] = False

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002
        """The same from begin to end; the argument is the protocol's."""
        return steady(Moved(go=("go_offline",), back=("switch_network",)))

    def evidence(self) -> Evidence:
        return IN_RECORDS

    def sentence(self) -> Text:
        return Text(
            en=(
                "The device changes to another network; what was open over the old one is dead,"
                " and nobody says so."
            ),
            ko="기기의 네트워크가 바뀝니다. 이전 네트워크의 연결은 아무 알림 없이 죽어 있습니다.",
        )
