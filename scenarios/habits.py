"""``[load.retries]`` and ``[[load.absences]]``: what a scenario's people do beside their persona.

Both name personas; one that is nobody here is refused, for it would have no effect.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from harness.errors import UsageError
from harness.near_names import near
from scenarios.personas import PERSONAS, Absence, Where

EVERYBODY = "all"
"""In the place of a persona: whoever is not named beside it."""

AWhile = Annotated[float, Meta(ge=0.1, le=86_400)]


class Retries(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How somebody treats a message of theirs that failed: they press "send again".

    A retry is a reaction and no part of the planned load: the worse the system does, the more of
    them there are.
    """

    after_s: AWhile = 4.0
    """After they see the failure, on average; each time from half of it to one and a half."""
    at_most: Annotated[int, Meta(ge=1, le=100)] = 1
    """For each message."""


class AbsenceTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What takes people away again and again, beside what their persona does."""

    where: Where
    every_s: AWhile
    """Between the end of one and the beginning of the next, on average (exponential)."""
    lasts_s: AWhile
    """On average; each lasts from half of it to one and a half."""
    people: tuple[str, ...] = ()
    """Which personas; empty: everybody."""


def retries_of(persona: str, retries: Mapping[str, Retries]) -> Retries | None:
    """How this persona treats a failed message; ``None``: they leave it."""
    return retries.get(persona, retries.get(EVERYBODY))


def absences_of(persona: str, absences: Sequence[AbsenceTable]) -> tuple[Absence, ...]:
    """What takes this persona away, beside what is their own."""
    return tuple(
        Absence(where=one.where, every_s=one.every_s, lasts_s=one.lasts_s)
        for one in absences
        if not one.people or persona in one.people
    )


def check_habits(
    retries: Mapping[str, Retries],
    absences: Sequence[AbsenceTable],
    *,
    there: Collection[str],
    where: str,
) -> None:
    """Raises :class:`UsageError` for a persona that is none, or that nobody has; ``there``: those
    that somebody has."""
    named = [(f"load.retries.{name}", name) for name in retries if name != EVERYBODY]
    named += [("load.absences", name) for one in absences for name in one.people]
    for key, name in named:
        if name not in PERSONAS:
            raise UsageError(f"{where}: {key}: no such persona, {name!r}; {near(name, PERSONAS)}")
        if name not in there:
            raise UsageError(
                f"{where}: {key}: nobody here is a {name}; {near(name, there)}, or add it to "
                "load.people"
            )
