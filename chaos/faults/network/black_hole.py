"""The line swallows everything."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import SILENCE, Evidence, Means, Setting, Stage, steady, toxics
from harness.runsettings import Text


class BlackHole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Data of both directions is dropped and the sockets stay open.

    Timeout 0. Its end closes every connection of the proxy, also those that a share below 1
    had spared: Toxiproxy closes all links from which it removes a timeout toxic.
    """

    kind: ClassVar[str] = "black_hole"
    means: ClassVar[Means] = "toxiproxy"
    disables: ClassVar[bool] = False

    def stages(self, setting: Setting) -> tuple[Stage, ...]:
        return steady(*toxics(setting, "timeout", {"timeout": 0}))

    def evidence(self) -> Evidence:
        return msgspec.structs.replace(SILENCE, rows_late_by_s=0.5)

    def sentence(self) -> Text:
        return Text(
            en=(
                "The connection looks alive, but everything sent over it disappears;"
                " when it ends, the connection is cut."
            ),
            ko=(
                "연결은 살아 있는 것처럼 보이지만 보낸 내용이 모두 사라지고,"
                " 장애가 끝날 때 연결이 끊깁니다."
            ),
        )
