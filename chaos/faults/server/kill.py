"""The server dies."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady
from chaos.faults.server.switches import Down
from harness.runsettings import Text


class Kill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The process is killed (``kill -9``): sockets break without a word, requests stay unanswered.

    Connects are refused until a new one is there, on the same ports and the same database.
    """

    kind: ClassVar[str] = "kill"
    means: ClassVar[Means] = "server"
    disables: ClassVar[bool] = True

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002 (the protocol's)
        return steady(Down("kill"))

    def evidence(self) -> Evidence:
        return Evidence(
            kinds=frozenset(("ws", "http", "connect")), outcomes=frozenset(("refused", "closed"))
        )

    def sentence(self) -> Text:
        return Text(
            en="The server dies: all connections break, and new ones are refused until it is back.",
            ko="서버가 갑자기 죽습니다. 모든 연결이 끊기고, 돌아올 때까지 새 연결은 거부됩니다.",
        )
