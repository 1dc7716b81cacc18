"""A fault with its time and place."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Literal, get_args

import msgspec

from chaos.faults.model import Evidence, Fault, Side, Stage
from chaos.faults.moves import Moved
from chaos.faults.ramp import Ramp, rungs
from harness.receipts import ProbeKind
from harness.runsettings import FaultSummary, MeddlingKind, Text

_SIDES = {
    "realtime": Text(en="Live updates (WebSocket)", ko="실시간 연결(WebSocket)"),
    "api": Text(en="Sending and loading messages (API)", ko="메시지 전송과 조회(API)"),
    "both": Text(en="Live updates, sending and loading", ko="실시간 연결과 메시지 전송·조회"),
}
_ELSEWHERE = {
    "server": Text(en="Server", ko="서버"),
    "browser": Text(en="Browser", ko="브라우저"),
}

_MEDDLING = frozenset(get_args(MeddlingKind))

SERVER_API, SERVER_REALTIME = "server-api", "server-realtime"
"""The canary's own ways to the server, past all proxies; named like proxies."""
_LINE_OF: Mapping[ProbeKind, str] = MappingProxyType(
    {
        **dict.fromkeys(("http", "send", "poll", "clock"), SERVER_API),
        **dict.fromkeys(("ws", "connect", "row", "join"), SERVER_REALTIME),
    }
)
_SWITCHES = "switches-"
_AGAIN = " ("
"""Cannot be in a name that a scenario gives."""


def switches_line(fault: str) -> str:
    """Where the canary looks whether the server is as a fault wants it; named like a proxy.

    One for all the times that somebody turns it on.
    """
    return f"{_SWITCHES}{fault.partition(_AGAIN)[0]}"


def proxies_of(cohort: str, side: Side, lane: int = 1) -> tuple[str, ...]:
    """The names of a cohort's proxies: ``<cohort>-api`` and ``<cohort>-realtime``; in the second
    lane, a Toxiproxy of its own, ``<cohort>-api.2`` …"""
    return tuple(f"{cohort}-{each}" + (f".{lane}" if lane > 1 else "") for each in sides_of(side))


def sides_of(side: Side) -> tuple[Literal["api", "realtime"], ...]:
    return ("api", "realtime") if side == "both" else (side,)


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
    ramp: Ramp | None = None
    """How it comes on; ``None``: at once."""
    share: float = 1.0
    """For Toxiproxy the chance of each connection, drawn for each direction apart; for the relay
    exactly this share of them; in browsers exactly this share of each cohort's users."""
    stages: tuple[Stage, ...]
    """What it changes on each of :attr:`proxies`, from when on; undone at its end."""
    lanes: tuple[int, ...] = (1,)
    """In which of the rig's lanes; a run that is too large for one Toxiproxy has several."""

    @property
    def kind(self) -> str:
        return self.fault.kind

    def again(self, *, times: int, at_s: float) -> ScheduledFault:
        """The same, turned on by hand for the ``times``-th time, with a name of its own."""
        name = self.name if times == 1 else f"{self.name}{_AGAIN}{times})"
        return msgspec.structs.replace(self, name=name, at_s=at_s)

    @property
    def end_s(self) -> float:
        """Rounded to the microsecond, so that 0.1 + 0.2 meets a fault that begins at 0.3."""
        return round(self.at_s + self.for_s, 6)

    @property
    def proxies(self) -> tuple[str, ...]:
        """Where the canary feels it: the proxies that it is on, or the server's own lines."""
        if self.on is None:
            return self._server_lines() if self.fault.means == "server" else ()
        return tuple(
            proxy
            for lane in self.lanes
            for cohort in self.cohorts
            for proxy in proxies_of(cohort, self.on, lane)
        )

    def may_bite(self, proxy: str) -> bool:
        """Whether probes through it may be hit: of a fault in the server, all but those that look
        at the switches of another fault."""
        in_server = self.fault.means == "server" and not proxy.startswith(_SWITCHES)
        return in_server or proxy in self.proxies

    def _server_lines(self) -> tuple[str, ...]:
        """Those on which the probes go that can show it."""
        own = switches_line(self.name)
        return tuple(sorted({_LINE_OF.get(kind, own) for kind in self.evidence.kinds}))

    @property
    def evidence(self) -> Evidence:
        """How a probe shows it, from its first step on where it comes on by degrees."""
        weakest = self.fault if self.ramp is None else rungs(self.fault, self.ramp)[0]
        return weakest.evidence()

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
    def moves_people(self) -> bool:
        """It takes a person away from their page, or the page from its network; what is only in
        the browser (an extension) leaves them where they are."""
        changes = [change for stage in self.stages for change in stage.changes]
        acts = {act for change in changes if isinstance(change, Moved) for act in change.go}
        return not acts <= _MEDDLING

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
        slowly = Text(en="", ko="")
        if self.ramp is not None:
            steps, ramp_s = self.ramp.ramp_steps, f"{self.ramp.ramp_s:g}"
            slowly = Text(
                en=f" It comes on in {steps} steps over {ramp_s} s.",
                ko=f" {ramp_s}초에 걸쳐 {steps}단계로 심해집니다.",
            )
        if self.share < 1 and self.fault.means == "browser":
            some = Text(
                en=f" {self.share:.0%} of the users, picked by the seed.",
                ko=f" 시드로 뽑힌 사용자 {self.share:.0%}가 겪습니다.",
            )
        elif self.share < 1:
            some = Text(
                en=f" About {self.share:.0%} of the connections, picked by chance.",
                ko=f" 연결의 약 {self.share:.0%}가 무작위로 겪습니다.",
            )
        en = f"{side.en}: {what.en[0].lower()}{what.en[1:]}{slowly.en}{some.en}"
        return Text(en=en, ko=f"{side.ko}: {what.ko}{slowly.ko}{some.ko}")
