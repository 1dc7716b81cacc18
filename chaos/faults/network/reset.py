"""The line breaks as soon as it is used."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady, toxics
from harness.runsettings import Text


class Reset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A connection is broken at its next data, in whichever direction that comes first.

    Connections opened while it is on get a RST; those that were open before get a FIN, since
    Toxiproxy sets SO_LINGER only when a connection starts. An idle connection is untouched.
    """

    kind: ClassVar[str] = "reset"
    means: ClassVar[Means] = "toxiproxy"
    disables: ClassVar[bool] = False

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        return steady(*toxics(setting, "reset_peer", {"timeout": 0}))

    def evidence(self) -> Evidence:
        return Evidence(
            kinds=frozenset(("ws", "http")), outcomes=frozenset(("closed",)), cuts_sockets="busy"
        )

    def sentence(self) -> Text:
        return Text(
            en=(
                "Connecting works, but the connection breaks as soon as anything is sent"
                " or received."
            ),
            ko="연결은 되지만, 무언가를 보내거나 받는 순간 바로 끊어집니다.",
        )
