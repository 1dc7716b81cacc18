"""Nobody's token is good for Realtime any more."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady
from chaos.faults.server.switches import Turned
from harness.runsettings import Text

_LOOKED_AT_EVERY_S = 0.1
"""Live channels look whether their token still holds."""


class TokenRevoked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Live channels end for good within 0.1 s, joins are refused, as after a token's expiry (H9).

    Sending and polling go on: Realtime alone judges so. After the end joins work again, but a
    channel that is closed stays closed until the app makes it anew (R3).
    """

    kind: ClassVar[str] = "token_revoked"
    means: ClassVar[Means] = "server"
    disables: ClassVar[bool] = False

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002 (the protocol's)
        return steady(
            Turned(
                knobs={"confirm_token_s": _LOOKED_AT_EVERY_S},
                defects=frozenset(("token-never-accepted",)),
            )
        )

    def evidence(self) -> Evidence:
        return Evidence(kinds=frozenset(("join",)), outcomes=frozenset(("error",)))

    def sentence(self) -> Text:
        return Text(
            en=(
                "Every sign-in counts as expired for live updates: they end, and joining again is"
                " refused."
            ),
            ko=(
                "실시간 연결에서 모든 로그인이 만료된 것으로 처리되어,"
                " 연결이 끝나고 다시 참여할 수 없습니다."
            ),
        )
