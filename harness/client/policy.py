"""The switches of the chat's own client code, as data (docs/chat-rules.md).

A policy says *what the app does*; what a browser or the vendor's library does is not here.
Each field names the rule it belongs to. The presets are :data:`POLICIES`.
"""

from __future__ import annotations

from typing import Literal

import msgspec


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One client policy. All durations are seconds."""

    name: str
    ack_timeout_s: float = 10.0
    """S3: a send is aborted after this; the bubble stays, the spinner ends."""
    send_disabled_s: float = 1.0
    """S6: the send button is disabled for this long after a click or Enter."""
    fallback: bool = True
    """F1: poll when Realtime is gone."""
    fallback_after_failures: int = 3
    """F1: socket attempts that failed in a row."""
    fallback_after_silence_s: float = 10.0
    """F1: seconds without a ``postgres_changes`` event."""
    poll_period_s: float = 3.0
    """F3."""
    poll_jitter_s: float = 0.4
    """F3: uniform, plus or minus."""
    poll_jitter_drawn: Literal["tick", "session"] = "tick"
    """F3: a new draw for every tick, or one for the session's life."""
    poll_limit: int = 100
    """F4: rows a poll may bring."""
    poll_timeout_s: float = 10.0
    cursor: Literal["last_seen", "confirmed"] = "last_seen"
    """F4: what ``after`` is. ``last_seen``: the greatest id on the screen, whatever its path, so
    that a Realtime row can move it over a gap (H1, H5). ``confirmed``: moved by polls, and by
    Realtime rows only while nothing can be missing between them and the last poll."""
    poll_on_release: bool = False
    """H5: one more poll when the first event switches polling off. Not in the owners' plan."""
    poll_on_subscribed: bool = False
    """H8: one poll after every ``system ok``. Not in the owners' plan."""
    history_limit: int = 50
    """Rows read when the page opens."""
    recreate_delay_s: float = 1.0
    """R3: wait before a channel that ended for good is created anew; doubles up to 30 s."""


POLICIES: dict[str, Policy] = {
    "plan": Policy(name="plan"),
}
"""Presets by name; a scenario may override any field of one."""
