"""The line breaks as soon as it is used."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import Change, Evidence, toxics
from harness.runsettings import Text


class Reset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A connection is broken at its next data, in whichever direction that comes first.

    Connections opened while it is on get a RST; those that were open before get a FIN, since
    Toxiproxy sets SO_LINGER only when a connection starts. An idle connection is untouched.
    """

    kind: ClassVar[str] = "reset"
    disables: ClassVar[bool] = False

    def changes(self, label: str, share: float) -> tuple[Change, ...]:
        return toxics(label, "reset_peer", {"timeout": 0}, share)

    def evidence(self) -> Evidence:
        return Evidence(kinds=frozenset(("ws", "http")), outcomes=frozenset(("closed",)))

    def sentence(self) -> Text:
        return Text(
            en=(
                "Connecting works, but the connection breaks as soon as anything is sent"
                " or received."
            ),
            ko="연결은 되지만, 무언가를 보내거나 받는 순간 바로 끊어집니다.",
        )
