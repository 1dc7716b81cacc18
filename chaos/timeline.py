"""The order of a scenario's faults, pure: given the time, what is to be done next?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from chaos.faults.model import Change
from chaos.faults.schedule import ScheduledFault
from chaos.overlap import conflict
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
    """All actions of the faults, in order."""
    return in_order(action for fault in faults for action in _actions_of(fault))


def in_order(actions: Iterable[Action]) -> tuple[Action, ...]:
    """By time; at the same moment ends come first, begins last, then by name."""
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

    What goes together, :mod:`chaos.overlap` knows. Raises :class:`UsageError`, ``where`` being the
    scenario's file.
    """
    for fault in faults:
        if fault.end_s > load_s + _ROUNDING_S:
            raise UsageError(
                f"{where}: fault {fault.name!r} ends at {fault.end_s:g} s, after the load"
                f" ({load_s:g} s); allowed: at_s + for_s up to {load_s:g}"
            )
    for first, second in combinations(
        sorted(faults, key=lambda fault: (fault.at_s, fault.name)), 2
    ):
        reason = conflict(first, second)
        if reason:
            raise UsageError(
                f"{where}: faults {first.name!r} and {second.name!r} {reason};"
                f" allowed: {second.name!r} from {first.end_s:g} s on"
            )
