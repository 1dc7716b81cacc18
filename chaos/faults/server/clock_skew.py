"""The server's clock is wrong."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from chaos.faults.model import Evidence, Means, Setting, Stage, steady
from chaos.faults.server.switches import Turned
from harness.runsettings import Text

_YEAR_S = 31_536_000
CLOCK_MARGIN_S = 5.0
"""The canary shows tokens that expire this soon, and ones that expired this long ago."""


class ClockSkew(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whoever judges access tokens is ``skew_s`` ahead of who issues them; below 0 it is behind.

    Ahead, tokens expire so much earlier (H9); behind, expired ones are still taken. Emulated users
    have tokens of an hour: only from 3600 s on does every request and join of theirs fail.
    """

    kind: ClassVar[str] = "clock_skew"
    means: ClassVar[Means] = "server"
    disables: ClassVar[bool] = False

    skew_s: Annotated[
        float,
        msgspec.Meta(
            ge=-_YEAR_S,
            le=_YEAR_S,
            description="seconds, 10 or more, or -10 or less, at most a year",
        ),
    ]

    def __post_init__(self) -> None:
        if abs(self.skew_s) < 2 * CLOCK_MARGIN_S:
            raise ValueError(
                f"skew_s = {self.skew_s:g} is too little to be seen;"
                f" allowed: {2 * CLOCK_MARGIN_S:g} or more, or {-2 * CLOCK_MARGIN_S:g} or less"
            )

    def stages(self, setting: Setting) -> tuple[Stage, ...]:  # noqa: ARG002 (the protocol's)
        return steady(Turned(knobs={"clock_skew_s": self.skew_s}))

    def evidence(self) -> Evidence:
        return Evidence(kinds=frozenset(("clock",)), outcomes=frozenset(("error",)))

    def sentence(self) -> Text:
        seconds = f"{abs(self.skew_s):g}"
        if self.skew_s > 0:
            return Text(
                en=f"The server's clock is {seconds} s ahead: sign-ins expire so much earlier.",
                ko=f"서버 시계가 {seconds}초 빨라서 로그인이 그만큼 일찍 만료됩니다.",
            )
        return Text(
            en=f"The server's clock is {seconds} s behind: expired sign-ins are still accepted.",
            ko=f"서버 시계가 {seconds}초 느려서 만료된 로그인도 받아들여집니다.",
        )
