"""The switches that make the server wrong on purpose, so that every check can be proved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from harness.errors import UsageError
from harness.near_names import near


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
    BINDING_MISMATCH = "binding-mismatch"
    HANG_AUTH = "hang-auth"
    NO_UNIQUE_KEY = "no-unique-key"
    ACK_BEFORE_COMMIT = "ack-before-commit"
    LOST_AFTER_ACK = "lost-after-ack"
    ACK_LOST = "ack-lost"
    HTML_ERROR = "html-error"
    EMPTY_BODY = "empty-body"
    WRONG_SCHEMA = "wrong-schema"
    ERROR_BURST = "error-burst"
    SLOW_COMMIT = "slow-commit"
    HANG_POLL = "hang-poll"
    POLL_UNORDERED = "poll-unordered"
    POLL_BEYOND_PERMISSION = "poll-beyond-permission"
    POLL_OFF_BY_ONE = "poll-off-by-one"
    POLL_ID_GAP = "poll-id-gap"


Defects = frozenset[Defect]

DESCRIPTIONS: Mapping[Defect, str] = MappingProxyType(
    {
        Defect.NO_IDEMPOTENCY: (
            "a repeated send is answered 409 and not with the row that is there; it makes no second"
            " one (S5)"
        ),
        Defect.EVENT_LOST: "every 20th INSERT is committed, but never sent over Realtime",
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
        Defect.BINDING_MISMATCH: (
            "the reply to a join names another filter than was asked: clients give the channel up"
        ),
        Defect.HANG_AUTH: "Auth never answers: no sign-in, no renewal of a session (R1)",
        Defect.HANG_CREATE: "the create route never answers, and commits nothing (S8)",
        Defect.NO_UNIQUE_KEY: "the unique key is gone: a repeated send makes a second row (S5)",
        Defect.ACK_BEFORE_COMMIT: (
            "a send is answered with a reserved id at once and committed slow_commit_s later; a"
            " kill in between loses it (S2)"
        ),
        Defect.LOST_AFTER_ACK: "every 20th send is answered with success and never committed (S2)",
        Defect.ACK_LOST: (
            "every 20th send is committed, but its answer never comes; the connection stays (S8)"
        ),
        Defect.HTML_ERROR: (
            "every 20th send is committed, but answered with a proxy's HTML page and 502 (S8)"
        ),
        Defect.EMPTY_BODY: "every 20th send is committed, but answered 200 without a body (S8)",
        Defect.WRONG_SCHEMA: (
            "every 20th send is committed, but answered with JSON of another shape (S8)"
        ),
        Defect.ERROR_BURST: (
            "5 sends in a row of every 50 are answered 500 in the agreed shape, and not committed"
        ),
        Defect.SLOW_COMMIT: "every commit of a send is held for slow_commit_s (S3)",
        Defect.HANG_POLL: "polls and histories are never answered (F3)",
        Defect.POLL_UNORDERED: "the rows of a read come last first, whatever order is asked (F4)",
        Defect.POLL_BEYOND_PERMISSION: "reads over HTTP do not ask who may read (F4)",
        Defect.POLL_OFF_BY_ONE: "the first row after the cursor is missing from every poll (F4)",
        Defect.POLL_ID_GAP: (
            "every 10th send takes its id and is committed slow_commit_s later, after greater ids"
            " (H1)"
        ),
    }
)


def parse_defects(names: Iterable[str], where: str = "--defect") -> Defects:
    """``where`` they were named. Raises :class:`UsageError` for a name that is no defect, listing
    those that are."""
    chosen = set()
    for name in names:
        try:
            chosen.add(Defect(name))
        except ValueError:
            raise UsageError(f"{where} {name}: no such defect; {near(name, Defect)}") from None
    return frozenset(chosen)
