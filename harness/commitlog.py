"""The server's own account: what was committed when, and who was subscribed when.

Written as JSON lines to ``commits.jsonl`` and ``subscriptions.jsonl``.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    """One committed change of the messages table, in commit order."""

    seq: int
    """Position in commit order, from 1."""
    op: Literal["INSERT", "UPDATE", "DELETE"]
    row_id: int
    webinar_id: int
    user_id: str
    client_msg_id: str
    body: str
    committed_s: float
    """Host-monotonic time at which COMMIT had returned."""
    written_s: float | None = None
    """When it was written inside its transaction; what lies between is the disk's. ``None``: a
    server that does not say."""


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one Realtime subscription."""

    t_s: float
    user_id: str
    webinar_id: int | None
    topic: str
    join_ref: str
    what: Literal["joined", "live", "left", "closed", "lost"]
    """``live``: rows flow; ``lost``: the socket went away."""
