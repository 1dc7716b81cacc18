"""Everything that metrics, findings and figures are computed from, joined once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reports.history import History
from reports.ledger import Ledger, keep_ledger
from reports.messages import Messages, account
from reports.presence import Presence, observe, position
from reports.spans import Ints

_ENOUGH_ROOMS = 10
"""From this many rooms on they are the clusters of the bootstrap (docs/metrics.md)."""


@dataclass(frozen=True)
class Evidence:
    """A history and what follows from it."""

    history: History
    messages: Messages
    presence: Presence
    ledger: Ledger
    sender: Ints
    """The position of each message's sender in ``History.users``; -1: never opened a page."""
    clusters: Ints
    """The bootstrap cluster of each user, numbered from 0."""


def gather(history: History) -> Evidence:
    """Join a history."""
    messages = account(history)
    presence = observe(history)
    rooms = history.users["room"].to_numpy(np.int64)
    names, room_number = np.unique(rooms, return_inverse=True)
    by_room = len(names) >= _ENOUGH_ROOMS
    return Evidence(
        history=history,
        messages=messages,
        presence=presence,
        ledger=keep_ledger(history, messages, presence),
        sender=position(history.users, messages.table["user"].to_numpy(np.int64)),
        clusters=room_number if by_room else np.arange(len(rooms), dtype=np.int64),
    )
