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
    REBROADCAST_ON_RETRY = "rebroadcast-on-retry"
    EVENT_TWICE = "event-twice"
    EVENT_LOST_ON_RECONNECT = "event-lost-on-reconnect"
    EVENTS_REORDERED = "events-reordered"
    EVENT_WITHOUT_ID = "event-without-id"
    STALE_UPDATE = "stale-update"
    DELETE_NOT_SENT = "delete-not-sent"
    MUTE = "mute"
    LATE_SYSTEM_OK = "late-system-ok"
    TOKEN_NEVER_ACCEPTED = "token-never-accepted"


Defects = frozenset[Defect]

DESCRIPTIONS: Mapping[Defect, str] = MappingProxyType(
    {
        Defect.NO_IDEMPOTENCY: "a repeated send makes a second row; the unique key is gone (S5)",
        Defect.EVENT_LOST: "every 20th INSERT is committed, but never sent over Realtime",
        Defect.HANG_CREATE: "the create route never answers (S8)",
        Defect.REBROADCAST_ON_RETRY: "a repeated send brings its row's INSERT once more (R4)",
        Defect.EVENT_TWICE: "every change is sent twice (R4)",
        Defect.EVENT_LOST_ON_RECONNECT: (
            "who joins a topic again is told `system ok`, but gets no rows for a while (H8)"
        ),
        Defect.EVENTS_REORDERED: "of each two changes of a room the later is sent first (H1)",
        Defect.EVENT_WITHOUT_ID: "the records of changes lack their `id` (R5)",
        Defect.STALE_UPDATE: "an UPDATE carries the row as it was before (R5)",
        Defect.DELETE_NOT_SENT: "a DELETE is never sent, whatever the filters say (R5, H2)",
        Defect.MUTE: "channels join and get `system ok`, but while it holds no rows (H4)",
        Defect.LATE_SYSTEM_OK: "`system ok` comes far too late after a join; rows with it (H8)",
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
