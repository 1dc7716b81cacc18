"""The switches of the chat's own client code, as data (docs/chat-rules.md).

A policy says *what the app does*; what a browser or the vendor's library does is not here.
Each field names the rule it belongs to. The presets are :data:`POLICIES`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(ge=0, le=86_400)]
SomeSeconds = Annotated[float, Meta(gt=0, le=86_400)]
Share = Annotated[
    float, Meta(ge=0, le=1, description="a share from 0 to 1", extra={"unit": "share"})
]
Rows = Annotated[int, Meta(ge=1, le=100_000, extra={"unit": "rows"})]
Attempts = Annotated[int, Meta(ge=1, le=1_000, extra={"unit": "attempts"})]
Polls = Annotated[int, Meta(ge=0, le=100_000, extra={"unit": "polls"})]


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One client policy. All durations are seconds. Defaults are the reviewed plan's."""

    name: str

    # -- sending ---
    send_timeout: bool = True
    """S3: a send is aborted after ``ack_timeout_s``; without it only the browser ends it."""
    ack_timeout_s: SomeSeconds = 10.0
    """S3: a send is given up after this: the bubble stays, the spinner ends."""
    spinner_ends: Literal["always", "realtime"] = "always"
    """S2, S3: with the send, whatever became of it; or, as before the plan, only with one's own
    row over Realtime: an answer, a failure and a time-out end nothing."""
    match: Literal["client_msg_id", "content"] = "client_msg_id"
    """R4: which row replaces a bubble: the one with its id; or, as before the plan, one of the
    same author and text within ``content_match_s``."""
    content_match_s: Seconds = 10.0
    """R4: by content (``match``), a row replaces no bubble that is older than this."""
    send_disabled_s: Seconds = 1.0
    """S6: the send button is disabled for this long after a click or Enter."""

    # -- receiving ---
    order: Literal["id", "arrival"] = "id"
    """Where a row stands: by its id, or at the end, as before the plan."""
    apply_changes: bool = True
    """R5: UPDATE and DELETE change the line with their id."""
    hear_all_deletes: bool = False
    """H2: listen to the DELETEs of every room beside the room's own changes. A DELETE carries the
    primary key alone, so the room's filter never lets one through (realtime.md, "Filters"); by
    its id it changes the right line all the same. Not in the owners' plan."""
    recreate_channel: bool = True
    """R3: a channel that ended for good is created anew."""
    recreate_delay_s: SomeSeconds = 1.0
    """R3: wait before that; doubles up to 30 s."""
    reconnect_jitter: Share = 0.0
    """H6: each wait before a reconnect or rejoin is longer or shorter by up to this share of it
    (``reconnectAfterMs`` of realtime-js). Not in the owners' plan."""
    heartbeat_worker: bool = False
    """H10: a Web Worker counts the heartbeats (``worker: true`` of realtime-js), which a hidden tab
    does not slow down; docs/browsers.md says what a page policy does to it. Not in the owners'
    plan."""
    renew_token: bool = True
    """R1, H9: the page keeps its session with auth-js, which renews the access token in time; else
    the page has the token that it was opened with, and no other."""
    history_limit: Rows = 50
    """Rows read when the page opens."""

    # -- fallback polling ---
    fallback: bool = True
    """F1: poll when Realtime is gone."""
    fallback_after_failures: Attempts = 3
    """F1: socket attempts that failed in a row."""
    fallback_after_silence_s: SomeSeconds = 10.0
    """F1: seconds without a ``postgres_changes`` event."""
    silence: Literal["activate", "probe"] = "activate"
    """H3: what silence does: switch polling on; or ask once, and switch it on only where that
    brings rows that Realtime does not bring within ``probe_grace_s``. Not in the owners' plan."""
    probe_grace_s: Seconds = 2.0
    """H3: how long Realtime may take to bring what a probe found (``silence``)."""
    poll_period_s: SomeSeconds = 3.0
    """F3: from one poll to the next, jitter aside."""
    poll_jitter_s: Seconds = 0.4
    """F3: uniform, plus or minus; less than the period."""
    poll_jitter_drawn: Literal["tick", "session"] = "tick"
    """F3: a new draw for every tick, or one for the session's life."""
    poll_limit: Rows = 100
    """F4: rows a poll may bring."""
    poll_timeout_s: SomeSeconds = 10.0
    """F4: a poll is aborted after this."""
    pause_unseen: bool = True
    """F5: polling pauses while the tab is hidden or the browser offline."""
    cursor: Literal["last_seen", "confirmed"] = "last_seen"
    """F4: what ``after`` is. ``last_seen``: the greatest id on the screen, whatever its path, so
    that a Realtime row can move it over a gap (H1, H5). ``confirmed``: moved by polls, and by
    Realtime rows only while nothing can be missing between them and the last poll."""
    cursor_overlap_s: Seconds = 0.0
    """H1: a poll asks again for what the cursor has passed within this time, so that rows whose
    commit was late by less are found. Not in the owners' plan."""
    poll_on_release: bool = False
    """H5: one more poll when the first event switches polling off. Not in the owners' plan."""
    poll_on_subscribed: bool = False
    """H8: one poll after every ``system ok``. Not in the owners' plan."""
    reread_every: Polls = 0
    """H2: every so many polls the last ``history_limit`` rows are read instead, and once more
    when polling ends, after ``system ok`` and on return to the tab: lines that are not among them,
    or are otherwise, are changed. 0: never. Not in the owners' plan."""


_PLAN = Policy(name="plan", send_disabled_s=0.0, poll_jitter_s=0.0, pause_unseen=False)

POLICIES: dict[str, Policy] = {
    "legacy": Policy(
        name="legacy",
        send_timeout=False,
        spinner_ends="realtime",
        match="content",
        send_disabled_s=0.0,
        order="arrival",
        apply_changes=False,
        recreate_channel=False,
        fallback=False,
    ),
    "plan": _PLAN,
    "plan-reviewed": Policy(name="plan-reviewed"),
    "hardened": Policy(
        name="hardened",
        hear_all_deletes=True,
        reconnect_jitter=0.5,
        silence="probe",
        cursor="confirmed",
        cursor_overlap_s=15.0,
        poll_on_release=True,
        poll_on_subscribed=True,
        reread_every=5,
    ),
}
"""Presets by name, from before the plan to as well as a client can; a scenario may override any
field of one (docs/chat-rules.md, "Policies")."""
