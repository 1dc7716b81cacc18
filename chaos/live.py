"""The receipts of faults while they are played: what can be told at which moment. Pure.

A receipt needs its whole story: whether a fault really healed is known two seconds after it seems
so. Until then there is news of it, as soon as a probe of the canary shows something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from chaos.bites import HEAL_S
from chaos.chat_canary import CHAT_PROBES, LONGEST_JOIN_S
from chaos.faults.schedule import ScheduledFault
from chaos.history import HistoryEntry
from chaos.receipts import receipts
from harness.receipts import Probe, Receipt
from harness.runsettings import Text

_PROMPT_S = 1.0
"""Within this of its confirmation a fault has bitten."""
_MARGIN_S = 0.5
_SETTLED_S = HEAL_S + _MARGIN_S
"""After the first good probe: then broken ones that follow it are known, too."""
_KEEP_S = 30.0
"""Probes of this long before a fault tell what is usual."""


class Began(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="on"):
    """The part of the rig that plays it has confirmed it. Times are seconds on the plan's time."""

    t_s: float
    fault: str
    sentence: Text


class FirstEffect(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="first_effect"):
    """A probe has shown that it bites."""

    t_s: float
    """When that was known."""
    fault: str
    after_ms: int
    """From when it was asked for to when the probe was sent."""


class NothingYet(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="no_effect_yet"):
    """It should have bitten by now."""

    t_s: float
    fault: str


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="off"):
    """The part of the rig that plays it has confirmed its end."""

    t_s: float
    fault: str


class Trouble(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="problem"):
    """A part of the rig could not do what it was asked for."""

    t_s: float
    fault: str
    text: str


class Proof(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="receipt"):
    """All that was measured of a fault that is over."""

    t_s: float
    fault: str
    first_effect_s: float | None
    last_effect_s: float | None
    healed_s: float | None
    first_effect_after_ms: int | None
    """Since it was asked for."""
    healed_after_ms: int | None
    """Since its end was asked for."""
    effect: Text
    problems: tuple[Text, ...]
    """Why this is no proof; empty for a sound receipt."""


News = Began | FirstEffect | NothingYet | Ended | Trouble | Proof


@dataclass
class _Life:
    """One time that a fault was on."""

    fault: ScheduledFault
    requested_s: float
    applied_s: float | None = None
    ended_s: float | None = None
    seen: bool = False
    """Its first effect, or that there is none, was told."""
    missed: bool = False
    proved: bool = False


class LiveReceipts:
    """Hears what is done and felt, and says what is new.

    All times that it hears are host-monotonic; those that it tells count from ``zero_s``. A probe
    is told ``wait_s`` after it was sent at the latest, one of a join to a room a little later
    (:data:`~chaos.chat_canary.LONGEST_JOIN_S`).
    """

    def __init__(self, *, zero_s: float, wait_s: float) -> None:
        self._zero_s = zero_s
        self._wait_s = wait_s
        self._known: dict[str, ScheduledFault] = {}
        self._lives: dict[str, _Life] = {}
        self._history: list[HistoryEntry] = []
        self._probes: list[Probe] = []
        self._news: list[News] = []

    @property
    def waiting(self) -> bool:
        """A fault that was on has no receipt yet."""
        return any(not life.proved for life in self._lives.values())

    def expect(self, faults: Sequence[ScheduledFault]) -> None:
        """These may begin; their names are new."""
        self._known |= {fault.name: fault for fault in faults}

    def probed(self, probe: Probe) -> None:
        self._probes.append(probe)

    def happened(self, entry: HistoryEntry) -> None:
        """One more step of the history, of a fault that was expected."""
        self._history.append(entry)
        fault = self._known[entry.fault]
        t_s = self._on_plan(entry.t_s)
        match entry.what:
            case "requested":
                self._lives[fault.name] = _Life(fault, requested_s=entry.t_s)
            case "applied":
                self._lives[fault.name].applied_s = entry.t_s
                sentence = fault.summary.sentence
                self._news.append(Began(t_s=t_s, fault=fault.name, sentence=sentence))
            case "heal_applied":
                self._lives[fault.name].ended_s = entry.t_s
                self._news.append(Ended(t_s=t_s, fault=fault.name))
            case "problem":
                self._news.append(Trouble(t_s=t_s, fault=fault.name, text=entry.detail))
            case "changed" | "heal_requested":
                pass

    def news(self, now_s: float) -> tuple[News, ...]:
        """What was not told before. Ask several times a second."""
        if any(map(_undecided, self._lives.values())):
            for receipt in self._receipts():
                self._look_at(self._lives[receipt.fault], receipt, now_s)
        self._forget(now_s)
        told, self._news = tuple(self._news), []
        return told

    def _receipts(self) -> tuple[Receipt, ...]:
        begun = [life.fault for life in self._lives.values()]
        return receipts(begun, self._history, self._probes, load_begins_at_s=self._zero_s)

    def _look_at(self, life: _Life, receipt: Receipt, now_s: float) -> None:
        if not _undecided(life):
            return
        if not life.seen and receipt.first_effect_s is not None:
            life.seen = True
            self._news.append(
                FirstEffect(
                    t_s=self._on_plan(now_s),
                    fault=receipt.fault,
                    after_ms=_ms(life.requested_s, receipt.first_effect_s),
                )
            )
        elif (
            not life.seen
            and not life.missed
            and life.ended_s is None
            and self._overdue(life, now_s)
        ):
            life.missed = True
            self._news.append(NothingYet(t_s=self._on_plan(now_s), fault=receipt.fault))
        if life.ended_s is not None and self._is_final(life, receipt, now_s):
            life.proved = True
            self._news.append(self._proof(receipt, now_s))

    def _overdue(self, life: _Life, now_s: float) -> bool:
        if life.applied_s is None:
            return False
        quiet_s = life.fault.evidence.bites_every_s + life.fault.longest_pause_s
        return now_s > life.applied_s + quiet_s + self._told_within_s(life) + _PROMPT_S

    def _is_final(self, life: _Life, receipt: Receipt, now_s: float) -> bool:
        if receipt.healed_s is not None:
            return now_s >= receipt.healed_s + self._settled_s(life)
        beside = [each for each in self._lives.values() if _meet(each.fault, life.fault)]
        ends_s = [each.ended_s for each in beside if each.ended_s is not None]
        if len(ends_s) < len(beside):
            return False
        never_s = HEAL_S + self._told_within_s(life) + _PROMPT_S
        return now_s >= max(ends_s) + never_s  # its own is one of them

    def _told_within_s(self, life: _Life) -> float:
        joins = "join" in life.fault.evidence.kinds
        return max(self._wait_s, LONGEST_JOIN_S) if joins else self._wait_s

    def _settled_s(self, life: _Life) -> float:
        """Of a fault in the chat the probes hang on when it is over, and are to be told first."""
        if life.fault.evidence.kinds & CHAT_PROBES:
            return max(_SETTLED_S, self._told_within_s(life) + _MARGIN_S)
        return _SETTLED_S

    def _proof(self, receipt: Receipt, now_s: float) -> Proof:
        first_s, healed_s = receipt.first_effect_s, receipt.healed_s
        return Proof(
            t_s=self._on_plan(now_s),
            fault=receipt.fault,
            first_effect_s=self._maybe(first_s),
            last_effect_s=self._maybe(receipt.last_effect_s),
            healed_s=self._maybe(healed_s),
            first_effect_after_ms=_maybe_ms(receipt.requested_s, first_s),
            healed_after_ms=_maybe_ms(receipt.heal_requested_s, healed_s),
            effect=receipt.effect,
            problems=receipt.problems,
        )

    def _forget(self, now_s: float) -> None:
        """What no receipt needs any more: an evening of probes is a million."""
        open_s = [life.requested_s for life in self._lives.values() if not life.proved]
        keep_s = min((now_s, *open_s)) - _KEEP_S
        if not self._probes or self._probes[0].sent_s >= keep_s - _KEEP_S:
            return
        self._probes = [probe for probe in self._probes if probe.sent_s >= keep_s]
        self._lives = {
            name: life
            for name, life in self._lives.items()
            if not life.proved or life.ended_s is None or life.ended_s + HEAL_S >= keep_s
        }
        self._history = [entry for entry in self._history if entry.fault in self._lives]

    def _on_plan(self, t_s: float) -> float:
        return round(t_s - self._zero_s, 3)

    def _maybe(self, t_s: float | None) -> float | None:
        return None if t_s is None else self._on_plan(t_s)


def _undecided(life: _Life) -> bool:
    """A look at the probes may tell something new of it; not before it is told that it is on."""
    if life.ended_s is not None:
        return not life.proved
    return life.applied_s is not None and not life.seen


def _meet(first: ScheduledFault, second: ScheduledFault) -> bool:
    """Whether one may hide the healing of the other."""
    return any(first.may_bite(proxy) for proxy in second.proxies)


def _ms(from_s: float, to_s: float) -> int:
    return round((to_s - from_s) * 1000)


def _maybe_ms(from_s: float | None, to_s: float | None) -> int | None:
    return None if from_s is None or to_s is None else _ms(from_s, to_s)
