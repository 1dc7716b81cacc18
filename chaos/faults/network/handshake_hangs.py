"""Something on the way swallows the opening of a WebSocket."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage
from chaos.faults.network.upgrades import (
    OpenSockets,
    upgrade_evidence,
    upgrade_sentence,
    upgrade_stages,
)
from chaos.relay.rules import Hang
from harness.runsettings import Text


class HandshakeHangs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The opening request of a WebSocket is taken and not answered; the server does not see it.

    Chrome waits 240 s for the answer (``websocket_stream.cc``), and realtime-js has no time limit
    of its own. At the end the handshakes that still hang are ``answered`` after all, or ``cut``.
    """

    kind: ClassVar[str] = "handshake_hangs"
    means: ClassVar[Means] = "relay"
    disables: ClassVar[bool] = False

    at_end: Annotated[
        Literal["answered", "cut"],
        msgspec.Meta(description="answered or cut, for the handshakes that hang at its end"),
    ] = "answered"
    open_sockets: OpenSockets = "cut"

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        return upgrade_stages(setting, Hang(at_end=self.at_end), self.open_sockets)

    def evidence(self) -> Evidence:
        """A handshake that the end found waiting is answered late, or closed."""
        return upgrade_evidence(
            "unanswered", "closed", open_sockets=self.open_sockets, slower_by_s=0.5
        )

    def sentence(self) -> Text:
        end = {
            "answered": Text(en="until it ends", ko="장애가 끝나야 응답이 옵니다"),
            "cut": Text(
                en="and what still waits is cut when it ends",
                ko="응답 없이 기다리다가 장애가 끝날 때 끊깁니다",
            ),
        }[self.at_end]
        what = Text(
            en=f"new ones wait for an answer that does not come, {end.en}",
            ko=f"새로 연결하려 하면 {end.ko}",
        )
        return upgrade_sentence(what, self.open_sockets)
