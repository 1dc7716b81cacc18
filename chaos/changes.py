"""From what a fault changed until now to what it is to change: the steps between, pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from chaos.faults.model import Change
from chaos.toxiproxy.model import Toxic


class ChangeStep(msgspec.Struct, frozen=True):
    """One thing to tell a part of the rig."""

    what: Literal["undo", "update", "do"]
    change: Change


def steps_between(before: Sequence[Change], now: Sequence[Change]) -> tuple[ChangeStep, ...]:
    """What is no more first, then what stays and has other numbers, then what is new.

    A toxic is given its new numbers in place: taken away and put back it would let go at once of
    all that it holds.
    """
    new = {_place(change): change for change in now if change not in before}
    gone = [change for change in before if change not in now]
    kept = [change for change in gone if _place(change) in new]
    updates = [new.pop(_place(change)) for change in kept]
    return (
        *(ChangeStep("undo", change) for change in gone if change not in kept),
        *(ChangeStep("update", change) for change in updates),
        *(ChangeStep("do", change) for change in new.values()),
    )


def _place(change: Change) -> object:
    """Equal for two changes of which one can become the other."""
    if isinstance(change, Toxic):
        return (change.name, change.type, change.stream)
    return change
