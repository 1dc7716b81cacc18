"""What the faults in a person's browser make of their plan.

A fault begins and ends in it at its own times, and hits only who is there all the time. Nothing
else takes them away meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from chaos import timeline
from chaos.changes import steps_between
from chaos.faults.model import Change
from chaos.faults.moves import Moved
from chaos.faults.schedule import ScheduledFault
from harness.runsettings import ActKind
from scenarios.personas import Where

Span = tuple[float, float]
Gone = tuple[Where, Span]

_OUT_OF_REACH = frozenset(("hide", "close_lid"))
"""Acts of faults after which nobody can click on send."""


@dataclass(frozen=True, slots=True)
class Step:
    """One act of a person, before all of theirs are in order."""

    at_s: float
    act: ActKind
    fault: str = ""
    returns: bool = False
    """It ends something."""


def there_for(
    faults: Sequence[ScheduledFault], begin_s: float, end_s: float
) -> tuple[ScheduledFault, ...]:
    """Those that a person lives through who comes and goes then."""
    return tuple(fault for fault in faults if begin_s <= fault.at_s and fault.end_s <= end_s)


def spans_of(faults: Sequence[ScheduledFault]) -> tuple[Span, ...]:
    """When they decide where the person is, rising."""
    return tuple(sorted((fault.at_s, fault.end_s) for fault in faults if fault.moves_people))


def out_of_reach(faults: Sequence[ScheduledFault]) -> tuple[Span, ...]:
    """When they keep the person from clicking on send."""
    return tuple(
        (fault.at_s, fault.end_s)
        for fault in faults
        if any(step.act in _OUT_OF_REACH for step in steps_of((fault,)))
    )


def steps_of(faults: Sequence[ScheduledFault]) -> Iterator[Step]:
    """What they make their browser do, in order."""
    on: dict[str, tuple[Change, ...]] = {}
    for action in timeline.plan(faults):
        name = action.fault.name
        for step in steps_between(on.get(name, ()), action.changes):
            if not isinstance(step.change, Moved):
                continue
            returns = step.what == "undo"
            for act in step.change.back if returns else step.change.go:
                yield Step(action.at_s, act, name, returns=returns)
        on[name] = action.changes


def keep_clear(taken: Sequence[Span], absences: Sequence[Gone]) -> list[Gone]:
    """The absences that meet none of ``taken``; a whim is not had while a fault is on."""
    return [
        (where, (gone_s, back_s))
        for where, (gone_s, back_s) in absences
        if all(end_s < gone_s or back_s < begin_s for begin_s, end_s in taken)
    ]


def around(taken: Sequence[Span], absences: Sequence[Gone]) -> list[Gone]:
    """What is left of the absences beside ``taken`` (rising): a tab that is hidden for good is
    hidden before and after."""
    left: list[Gone] = []
    for where, (gone_s, back_s) in absences:
        from_s = gone_s
        for begin_s, end_s in (*taken, (inf, inf)):
            until_s = min(begin_s, back_s)
            if from_s < until_s:
                left.append((where, (from_s, until_s)))
            from_s = max(from_s, end_s)
    return left
