"""The switches that make the server wrong on purpose, so that every check can be proved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from harness.errors import UsageError


class Defect(StrEnum):
    """A planted defect, by the name that the command line takes."""

    NO_IDEMPOTENCY = "no-idempotency"
    EVENT_LOST = "event-lost"
    HANG_CREATE = "hang-create"
    TOKEN_NEVER_ACCEPTED = "token-never-accepted"


Defects = frozenset[Defect]

DESCRIPTIONS: Mapping[Defect, str] = MappingProxyType(
    {
        Defect.NO_IDEMPOTENCY: "a repeated send makes a second row; the unique key is gone (S5)",
        Defect.EVENT_LOST: "every 20th INSERT is committed, but never sent over Realtime",
        Defect.HANG_CREATE: "the create route never answers (S8)",
        Defect.TOKEN_NEVER_ACCEPTED: "Realtime calls every user token expired: joins are refused,"
        " channels end at a token's renewal or next check (R1)",
    }
)


def parse_defects(names: Iterable[str]) -> Defects:
    """Raises :class:`UsageError` for a name that is no defect, listing those that are."""
    chosen = set()
    for name in names:
        try:
            chosen.add(Defect(name))
        except ValueError:
            allowed = ", ".join(Defect)
            raise UsageError(f"--defect {name}: unknown; allowed are {allowed}") from None
    return frozenset(chosen)
