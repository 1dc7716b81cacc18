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
    gone = [change for change in before if change not in now]
    new = [change for change in now if change not in before]
    kept = [change for change in new if any(_becomes(old, change) for old in gone)]
    return (
        *(
            ChangeStep("undo", old)
            for old in gone
            if not any(_becomes(old, change) for change in kept)
        ),
        *(ChangeStep("update", change) for change in kept),
        *(ChangeStep("do", change) for change in new if change not in kept),
    )


def _becomes(old: Change, now: Change) -> bool:
    """One toxic, with other numbers."""
    if not (isinstance(old, Toxic) and isinstance(now, Toxic)):
        return False
    return (old.name, old.type, old.stream) == (now.name, now.type, now.stream)
