"""A fault with its time and place."""

from __future__ import annotations

from itertools import pairwise

import msgspec

from chaos.faults.model import Fault, Side, Stage
from harness.runsettings import FaultSummary, Text

_SIDES = {
    "realtime": Text(en="Live updates (WebSocket)", ko="실시간 연결(WebSocket)"),
    "api": Text(en="Sending and loading messages (API)", ko="메시지 전송과 조회(API)"),
    "both": Text(en="Live updates, sending and loading", ko="실시간 연결과 메시지 전송·조회"),
}
_ELSEWHERE = {
    "server": Text(en="Server", ko="서버"),
    "browser": Text(en="Browser", ko="브라우저"),
}

SERVER_LINES = ("server-api", "server-realtime")
"""The canary's own ways to the server, past all proxies; named like proxies."""


def proxies_of(cohort: str, side: Side) -> tuple[str, ...]:
    """The names of a cohort's proxies: ``<cohort>-api`` and ``<cohort>-realtime``."""
    sides = ("api", "realtime") if side == "both" else (side,)
    return tuple(f"{cohort}-{each}" for each in sides)


class ScheduledFault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of a scenario. Times are seconds after the load begins."""

    name: str
    """Unique in the scenario; a repeated fault is ``name#2``."""
    fault: Fault
    on: Side | None
    """``None`` where it is not on the network."""
    cohorts: tuple[str, ...]
    """The cohorts it hits, never empty; all of them where it is in the server."""
    at_s: float
    for_s: float
    share: float = 1.0
    """Toxiproxy's toxicity: the chance of each connection, drawn for each direction apart."""
    stages: tuple[Stage, ...]
    """What it changes on each of :attr:`proxies`, from when on; undone at its end."""

    @property
    def kind(self) -> str:
        return self.fault.kind

    @property
    def end_s(self) -> float:
        """Rounded to the microsecond, so that 0.1 + 0.2 meets a fault that begins at 0.3."""
        return round(self.at_s + self.for_s, 6)

    @property
    def proxies(self) -> tuple[str, ...]:
        """Where the canary feels it: the proxies that it is on, or the server's own lines."""
        if self.on is None:
            return SERVER_LINES if self.fault.means == "server" else ()
        return tuple(proxy for cohort in self.cohorts for proxy in proxies_of(cohort, self.on))

    def may_bite(self, proxy: str) -> bool:
        """Whether probes through it may be hit: of a fault in the server, all."""
        return self.fault.means == "server" or proxy in self.proxies

    @property
    def first_change_s(self) -> float:
        """Seconds after its begin from which on it changes something; 0 but for those that begin
        with a pause."""
        return next((stage.after_s for stage in self.stages if stage.changes), 0.0)

    @property
    def longest_pause_s(self) -> float:
        """The longest of its stages in which it changes nothing."""
        begins_s = [stage.after_s for stage in self.stages] + [self.for_s]
        pauses = zip(self.stages, pairwise(begins_s), strict=True)
        return max((end - begin for stage, (begin, end) in pauses if not stage.changes), default=0)

    @property
    def summary(self) -> FaultSummary:
        """The fault as planned, for the reports."""
        return FaultSummary(
            name=self.name,
            kind=self.kind,
            cohorts=self.cohorts,
            planned_begin_s=self.at_s,
            planned_end_s=self.end_s,
            sentence=self._sentence(),
        )

    def _sentence(self) -> Text:
        side = _ELSEWHERE[self.fault.means] if self.on is None else _SIDES[self.on]
        what = self.fault.sentence()
        some = Text(en="", ko="")
        if self.share < 1:
            some = Text(
                en=f" About {self.share:.0%} of the connections, picked by chance.",
                ko=f" 연결의 약 {self.share:.0%}가 무작위로 겪습니다.",
            )
        en = f"{side.en}: {what.en[0].lower()}{what.en[1:]}{some.en}"
        return Text(en=en, ko=f"{side.ko}: {what.ko}{some.ko}")
