"""A fault with its time and place."""

from __future__ import annotations

import msgspec

from chaos.faults.model import Change, Fault, Side
from harness.runsettings import FaultSummary, Text

_SIDES = {
    "realtime": Text(en="Live updates (WebSocket)", ko="실시간 연결(WebSocket)"),
    "api": Text(en="Sending and loading messages (API)", ko="메시지 전송과 조회(API)"),
    "both": Text(en="Live updates, sending and loading", ko="실시간 연결과 메시지 전송·조회"),
}


def proxies_of(cohort: str, side: Side) -> tuple[str, ...]:
    """The names of a cohort's proxies: ``<cohort>-api`` and ``<cohort>-realtime``."""
    sides = ("api", "realtime") if side == "both" else (side,)
    return tuple(f"{cohort}-{each}" for each in sides)


class ScheduledFault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault of a scenario. Times are seconds after the load begins."""

    name: str
    """Unique in the scenario; a repeated fault is ``name#2``."""
    fault: Fault
    on: Side
    cohorts: tuple[str, ...]
    """The cohorts it hits, never empty."""
    at_s: float
    for_s: float
    share: float = 1.0
    """Toxiproxy's toxicity: the chance of each connection, drawn for each direction apart."""

    @property
    def kind(self) -> str:
        return self.fault.kind

    @property
    def end_s(self) -> float:
        """Rounded to the microsecond, so that 0.1 + 0.2 meets a fault that begins at 0.3."""
        return round(self.at_s + self.for_s, 6)

    @property
    def proxies(self) -> tuple[str, ...]:
        return tuple(proxy for cohort in self.cohorts for proxy in proxies_of(cohort, self.on))

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes to each of :attr:`proxies`. ``#`` cannot stand in a toxic's URL."""
        return self.fault.changes(self.name.replace("#", "."), self.share)

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
        side, what = _SIDES[self.on], self.fault.sentence()
        some = Text(en="", ko="")
        if self.share < 1:
            some = Text(
                en=f" About {self.share:.0%} of the connections, picked by chance.",
                ko=f" 연결의 약 {self.share:.0%}가 무작위로 겪습니다.",
            )
        en = f"{side.en}: {what.en[0].lower()}{what.en[1:]}{some.en}"
        return Text(en=en, ko=f"{side.ko}: {what.ko}{some.ko}")
