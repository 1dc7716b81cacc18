"""The ledger: every message on every screen that should have shown it, or did.

Accounting is by multisets: what arrived is counted, never assumed to be there once. A row is
a pair of message and receiver; pairs are all those whose receiver had the page open when the
message was committed, and all others on which something arrived.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.records import Fate, Path
from reports.history import History
from reports.messages import Messages
from reports.presence import END_SLACK_S, Presence, position
from reports.spans import Floats, Ints

CLASSES = (
    "once",
    "suppressed_duplicate",
    "late",
    "visible_duplicate",
    "lost",
    "withdrawn",
    "unjudged",
)
"""What can become of a message on a screen; the first that fits, read from the right, names
the pair.

``unjudged``: not shown, but its receiver was not eligible (gone, hidden or offline at the
end), or it was committed within the last second. ``withdrawn``: not shown, and changed or
deleted before the end. ``visible_duplicate`` and ``late`` may both be true of a pair; the
columns say so, the class names the worse. API and Realtime both bringing the sender their own
message is normal (R4) and is ``once``.
"""


@dataclass(frozen=True)
class Ledger:
    """Messages, and pairs of message and receiver as columns of equal length.

    Sorted by message (planned order), then receiver. ``message`` and ``receiver`` are
    positions in ``Messages.table`` and ``History.users``.
    """

    messages: Messages
    message: Ints
    receiver: Ints
    own: NDArray[np.bool_]
    """The receiver is the sender."""
    committed_s: Floats
    open_at_commit: NDArray[np.bool_]
    """The page was open when the message was committed."""
    expected: NDArray[np.bool_]
    """Must be on the screen at the end: open at commit, receiver eligible, not withdrawn."""
    copies: Ints
    """Lines of this message on the screen."""
    shown_s: Floats
    """When the first copy was shown; inf: never."""
    shown_by: NDArray[np.uint8]
    """The :class:`harness.records.Path` of the first copy; 0: never."""
    suppressed_normal: Ints
    """Copies not shown, by API and Realtime on the sender's own screen."""
    suppressed_realtime_poll: Ints
    """Copies not shown, the first by Realtime and this by a poll, or the other way round."""
    suppressed_other: Ints
    kind: NDArray[np.uint8]
    """The class, as a position in :data:`CLASSES`."""

    @property
    def delay_s(self) -> Floats:
        """Commit to screen; inf where it was never shown."""
        return self.shown_s - self.committed_s

    def shown_messages(self, *, own: bool) -> NDArray[np.bool_]:
        """By message: on the sender's own screen (``own``), or on anybody else's."""
        where = (self.copies > 0) & (self.own == own)
        return np.bincount(self.message[where], minlength=len(self.messages.table)) > 0

    def is_kind(self, name: str) -> NDArray[np.bool_]:
        """The pairs of one class."""
        return np.equal(self.kind, CLASSES.index(name))


@dataclass(frozen=True)
class _Arrived:
    """Deliveries summed up by pair; ``key`` ascending."""

    key: Ints
    copies: Ints
    shown_s: Floats
    shown_by: NDArray[np.uint8]
    normal: Ints
    realtime_poll: Ints
    other: Ints


def keep_ledger(history: History, messages: Messages, presence: Presence) -> Ledger:
    """Join commits, pages and deliveries into the ledger."""
    open_key = _open_pairs(history, messages, presence)
    sender = position(history.users, messages.table["user"].to_numpy(np.int64))
    arrived = _sum_deliveries(history, messages, sender)
    key = _merge(open_key, arrived.key)
    message, receiver = np.divmod(key, max(len(history.users), 1))
    at = np.searchsorted(key, arrived.key)
    copies = _spread(len(key), at, arrived.copies)
    # A bubble that stayed beside the row that should have replaced it is a second line.
    bubble = (messages.table["shown_failed"] | messages.table["shown_pending"]).to_numpy()
    own = sender[message] == receiver
    copies += (copies > 0) & own & bubble[message]
    shown_s = np.full(len(key), np.inf)
    shown_s[at] = arrived.shown_s
    shown_by = np.zeros(len(key), dtype=np.uint8)
    shown_by[at] = arrived.shown_by
    open_at_commit = np.zeros(len(key), dtype=np.bool_)
    open_at_commit[np.searchsorted(key, open_key)] = True
    pairs = Ledger(
        messages=messages,
        message=message,
        receiver=receiver,
        own=own,
        committed_s=messages.table["committed_s"].to_numpy(np.float64)[message],
        open_at_commit=open_at_commit,
        expected=np.zeros(len(key), dtype=np.bool_),
        copies=copies,
        shown_s=shown_s,
        shown_by=shown_by,
        suppressed_normal=_spread(len(key), at, arrived.normal),
        suppressed_realtime_poll=_spread(len(key), at, arrived.realtime_poll),
        suppressed_other=_spread(len(key), at, arrived.other),
        kind=np.zeros(len(key), dtype=np.uint8),
    )
    return _judge(pairs, presence, end_s=history.end_s, late_after_s=history.settings.late_after_s)


def _judge(pairs: Ledger, presence: Presence, *, end_s: float, late_after_s: float) -> Ledger:
    """Fill in what was expected of each pair, and its class."""
    shown = pairs.copies > 0
    withdrawn_s = pairs.messages.table["withdrawn_s"].to_numpy(np.float64)[pairs.message]
    withdrawn = ~shown & (withdrawn_s < end_s)
    judged = pairs.open_at_commit & presence.eligible[pairs.receiver]
    judged &= shown | (pairs.committed_s < end_s - END_SLACK_S)
    suppressed = pairs.suppressed_realtime_poll + pairs.suppressed_other
    kind = np.zeros(len(shown), dtype=np.uint8)
    for name, so in (
        ("suppressed_duplicate", suppressed > 0),
        ("late", judged & shown & (pairs.delay_s > late_after_s)),
        ("visible_duplicate", pairs.copies > 1),
        ("lost", ~shown),
        ("withdrawn", withdrawn),
        ("unjudged", ~shown & ~judged),
    ):
        kind[so] = CLASSES.index(name)
    return replace(pairs, expected=judged & ~withdrawn, kind=kind)


def _merge(one: Ints, other: Ints) -> Ints:
    """The union of two ascending arrays, ascending; far quicker here than ``np.union1d``."""
    both = np.sort(np.concatenate([one, other]), kind="stable")
    new = np.ones(len(both), dtype=np.bool_)
    new[1:] = both[1:] != both[:-1]
    return both[new]


def _spread(count: int, at: Ints, values: Ints) -> Ints:
    spread = np.zeros(count, dtype=np.int64)
    spread[at] = values
    return spread


def _open_pairs(history: History, messages: Messages, presence: Presence) -> Ints:
    """Keys of all pairs of a committed message and a page of its room open at the commit."""
    users = len(history.users)
    committed_s = messages.table["committed_s"].to_numpy(np.float64)
    room = messages.table["room"].to_numpy(np.int64)
    user_room = history.users["room"].to_numpy(np.int64)
    found = [np.empty(0, dtype=np.int64)]
    for number in np.unique(room):
        there = np.flatnonzero(user_room == number)
        sent = np.flatnonzero((room == number) & ~np.isnan(committed_s))
        opened, closed = presence.opened_s[there], presence.closed_s[there]
        moment = committed_s[sent][:, np.newaxis]
        pairs = (opened <= moment) & (moment < closed)
        row, column = np.nonzero(pairs)
        found.append(sent[row] * users + there[column])
    return np.sort(np.concatenate(found))


def _sum_deliveries(history: History, messages: Messages, sender: Ints) -> _Arrived:
    frame, users = history.deliveries, len(history.users)
    message = messages.of_rows(frame["row_id"].to_numpy(np.int64))
    receiver = position(history.users, frame["user"].to_numpy(np.int64))
    known = (message >= 0) & (receiver >= 0)
    message, receiver = message[known], receiver[known]
    t_s, path, fate = (frame[name].to_numpy()[known] for name in ("t_s", "path", "fate"))
    key, pair = np.unique(message * users + receiver, return_inverse=True)
    on_screen = fate != Fate.SUPPRESSED
    shown_s = np.full(len(key), np.inf)
    shown_by = np.zeros(len(key), dtype=np.uint8)
    # Deliveries are in time order; written backwards, the first of each pair stays.
    shown_s[pair[on_screen][::-1]] = t_s[on_screen][::-1]
    shown_by[pair[on_screen][::-1]] = path[on_screen][::-1]
    first, again = shown_by[pair], ~on_screen
    own = sender[message] == receiver
    normal = again & own & _both(first, path, Path.API, Path.REALTIME)
    realtime_poll = again & _both(first, path, Path.REALTIME, Path.POLL)
    other = again & ~normal & ~realtime_poll
    return _Arrived(
        key,
        np.bincount(pair[on_screen], minlength=len(key)),
        shown_s,
        shown_by,
        np.bincount(pair[normal], minlength=len(key)),
        np.bincount(pair[realtime_poll], minlength=len(key)),
        np.bincount(pair[other], minlength=len(key)),
    )


def _both(
    first: NDArray[np.uint8], second: NDArray[np.uint8], one: Path, other: Path
) -> NDArray[np.bool_]:
    forth = np.equal(first, one) & np.equal(second, other)
    back = np.equal(first, other) & np.equal(second, one)
    return np.logical_or(forth, back)


def ledger_frame(ledger: Ledger, history: History) -> pd.DataFrame:
    """The ledger as ``ledger.parquet`` shows it: ids instead of positions, null for never."""
    table, users = ledger.messages.table, history.users
    names = {int(path): path.name.lower() for path in Path} | {0: None}
    shown_s = np.where(np.isinf(ledger.shown_s), np.nan, ledger.shown_s)
    return pd.DataFrame(
        {
            "client_msg_id": table["client_msg_id"].to_numpy()[ledger.message],
            "sender": table["user"].to_numpy()[ledger.message],
            "receiver": users["user"].to_numpy()[ledger.receiver],
            "committed_s": ledger.committed_s,
            "expected": ledger.expected,
            "copies": ledger.copies,
            "shown_s": shown_s,
            "shown_by": pd.Series([names[int(p)] for p in ledger.shown_by], dtype=object),
            "delay_s": shown_s - ledger.committed_s,
            "suppressed_api_realtime": ledger.suppressed_normal,
            "suppressed_realtime_poll": ledger.suppressed_realtime_poll,
            "suppressed_other": ledger.suppressed_other,
            "class": pd.Categorical.from_codes(
                ledger.kind.astype(np.int64), categories=pd.Index(CLASSES)
            ),
        }
    )
