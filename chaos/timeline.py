"""The order of a scenario's faults, pure: given the time, what is to be done next?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from chaos.faults.model import Change
from chaos.faults.schedule import ScheduledFault
from chaos.faults.server.switches import NOTHING, Turned, clash, composed
from harness.errors import UsageError

_ROUNDING_S = 1e-6
"""A load's length is a difference of sums, and may miss its last digits."""
_ORDER = ("end", "change", "begin")


@dataclass(frozen=True)
class Action:
    """A fault begins, goes on to its next stage, or ends."""

    at_s: float
    """Seconds after the load begins."""
    what: Literal["begin", "change", "end"]
    fault: ScheduledFault
    changes: tuple[Change, ...] = ()
    """All that it changes from now on."""


@dataclass(frozen=True)
class Wait:
    """Nothing is due before ``until_s`` (seconds after the load begins)."""

    until_s: float


@dataclass(frozen=True)
class Finished:
    """Every action has been taken."""


def plan(faults: Iterable[ScheduledFault]) -> tuple[Action, ...]:
    """All actions by time; at the same moment ends come first, begins last, then by name."""
    actions = [action for fault in faults for action in _actions_of(fault)]
    return tuple(sorted(actions, key=lambda a: (a.at_s, _ORDER.index(a.what), a.fault.name)))


def _actions_of(fault: ScheduledFault) -> Iterator[Action]:
    first, *others = fault.stages
    yield Action(fault.at_s, "begin", fault, first.changes)
    for stage in others:
        yield Action(round(fault.at_s + stage.after_s, 6), "change", fault, stage.changes)
    yield Action(fault.end_s, "end", fault)


def next_action(left: Sequence[Action], elapsed_s: float) -> Action | Wait | Finished:
    """What to do at ``elapsed_s`` with the actions that are left of a plan.

    An action that is due, however late, is answered before any wait. The caller takes it,
    drops it from ``left`` and asks again.
    """
    if not left:
        return Finished()
    first = left[0]
    return first if first.at_s <= elapsed_s else Wait(first.at_s)


def validate(faults: Sequence[ScheduledFault], *, where: str, load_s: float) -> None:
    """Check that the faults can be played together within a load of ``load_s`` seconds.

    Toxics of different kinds compose on one proxy; nothing goes beside a fault that disables
    it, and one kind is on it once at a time. In the server what is turned composes unless two
    faults turn the same to different values, or one hides the other. In browsers a person can be
    in one place only, and one kind is on once at a time. Raises :class:`UsageError`, ``where``
    being the scenario's file.
    """
    for fault in faults:
        if fault.end_s > load_s + _ROUNDING_S:
            raise UsageError(
                f"{where}: fault {fault.name!r} ends at {fault.end_s:g} s, after the load"
                f" ({load_s:g} s); allowed: at_s + for_s up to {load_s:g}"
            )
    for first, second in combinations(sorted(faults, key=lambda fault: fault.at_s), 2):
        reason = _conflict(first, second)
        if reason:
            raise UsageError(
                f"{where}: faults {first.name!r} and {second.name!r} {reason};"
                f" allowed: {second.name!r} from {first.end_s:g} s on"
            )


def _conflict(first: ScheduledFault, second: ScheduledFault) -> str:
    """Why two faults cannot be on together; empty where they can, or never are."""
    if second.at_s >= first.end_s or first.at_s >= second.end_s:
        return ""
    if first.fault.means == second.fault.means == "browser":
        return _conflict_in_browsers(first, second)
    if first.fault.means == second.fault.means == "server":
        return _conflict_in_server(first, second)
    return _conflict_on_proxies(first, second)


def _conflict_on_proxies(first: ScheduledFault, second: ScheduledFault) -> str:
    shared = [proxy for proxy in first.proxies if proxy in second.proxies]
    if not shared:
        return ""
    if first.kind == second.kind:
        return f"are both on proxy {shared[0]} at once and of one kind ({first.kind})"
    for fault in (first, second):
        if fault.fault.disables:
            return f"are both on proxy {shared[0]} at once and {fault.name!r} disables it"
    return ""


def _conflict_in_browsers(first: ScheduledFault, second: ScheduledFault) -> str:
    """A share of each does not help: the seed may pick the same users."""
    shared = [cohort for cohort in first.cohorts if cohort in second.cohorts]
    if not shared:
        return ""
    where = f"are both in the browsers of cohort {shared[0]} at once"
    if first.kind == second.kind:
        return f"{where} and of one kind ({first.kind})"
    if first.moves_people and second.moves_people:
        return f"{where} and each takes the person elsewhere"
    return ""


def _conflict_in_server(first: ScheduledFault, second: ScheduledFault) -> str:
    for fault in (first, second):
        if fault.fault.disables:
            return f"are both in the server at once and {fault.name!r} takes it down"
    reason = clash(first.name, _turned(first), second.name, _turned(second))
    return f"are both in the server at once and {reason}" if reason else ""


def _turned(fault: ScheduledFault) -> Turned:
    """Everything that it turns at any time: a knob has one value in all stages of a fault."""
    every = [change for stage in fault.stages for change in stage.changes]
    found = composed(NOTHING, [change for change in every if isinstance(change, Turned)])
    return Turned(knobs=found.knobs, defects=found.defects)
