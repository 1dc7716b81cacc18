"""The server is restarted."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady
from chaos.faults.server.switches import Down
from harness.runsettings import Text


class Restart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The process is told to end: every channel is told, every socket closed with 1012.

    Connects are refused until it is back, on the same ports and the same database.
    """

    kind: ClassVar[str] = "restart"
    means: ClassVar[Means] = "server"
    disables: ClassVar[bool] = True

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002 (the protocol's)
        return steady(Down("stop"))

    def evidence(self) -> Evidence:
        return Evidence(
            kinds=frozenset(("ws", "http", "connect")), outcomes=frozenset(("refused", "closed"))
        )

    def sentence(self) -> Text:
        return Text(
            en=(
                "The server is restarted: all connections are closed, and new ones are refused"
                " until it is back."
            ),
            ko="서버가 다시 시작됩니다. 모든 연결이 닫히고, 돌아올 때까지 새 연결은 거부됩니다.",
        )
