"""How the reference server behaves where deployments differ: plain numbers, no defects.

Each annotation is the knob's honest range; ``knob_values`` reads, checks and tells by it. All of
them are read at the moment of use, so that each can be turned while the server runs.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

_YEAR_S = 31_536_000
_MOST_BYTES = 1_000_000_000

Seconds = Annotated[float, Meta(ge=0, le=_YEAR_S)]
Period = Annotated[float, Meta(ge=0.01, le=_YEAR_S)]
"""Seconds from one look to the next: at 0 the server would do nothing else."""
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
CountFrom1 = Annotated[int, Meta(ge=1, le=1_000_000)]
Bytes = Annotated[int, Meta(ge=1, le=_MOST_BYTES)]
Text = Annotated[
    str,
    Meta(
        max_length=1000,
        pattern=r"\A[^\x00-\x1f\x7f-\x9f\ud800-\udfff]*\Z",
        description="a text of at most 1000 characters, none of them for control",
    ),
]
_ORIGIN = r"(null|[a-z][a-z0-9+.-]*://[!-+.0-~-]+)"
Origins = Annotated[
    str,
    Meta(
        max_length=8000,
        pattern=rf"\A *(\*|{_ORIGIN}( *, *{_ORIGIN})*)? *\Z",
        description="*, nothing, or origins such as https://a.example, separated by commas",
    ),
]


class Knobs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one server process. Defaults are what hosted Realtime does, unless said."""

    system_ok_delay_s: Seconds = 0.05
    """From the join's reply to ``system ok``; rows flow from then on (H8)."""
    resubscribe_min_s: Seconds = 1.0
    """At least this long after an accepted ``access_token`` push comes another ``system ok``."""
    resubscribe_max_s: Seconds = 3.0
    """And at most this long; drawn evenly."""
    connect_error_backoff_s: Seconds = 2.0
    """Wait before a refused handshake is answered."""
    join_error_backoff_s: Seconds = 5.0
    """Wait before a refused join is answered; the whole socket stands still meanwhile."""
    idle_timeout_s: Period = 60.0
    """A socket on which nothing was received for this long is closed with 1000."""
    max_unsent_bytes: Bytes = 1_000_000
    """A receiver with more than this waiting in the server is dropped without a Close frame."""
    max_frame_bytes: Bytes = 5_000_000
    """A greater frame from a client ends its socket with 1009."""
    replica_identity_full: bool = False
    """Whether filters on other columns than the key see a DELETE, and ``old_record`` is whole."""
    keep_alive_s: Annotated[int, Meta(ge=1, le=_YEAR_S)] = 65
    """An idle HTTP connection is closed after this; ours, Node's own default is 5 s. A turn holds
    for each connection from its next answer on."""
    clock_skew_s: Annotated[float, Meta(ge=-_YEAR_S, le=_YEAR_S)] = 0.0
    """By how much the clock of those who judge access tokens (Realtime, the API) is ahead of
    that of Auth, which issues them; below 0 it is behind. A channel keeps what was judged at its
    join or renewal."""
    required_issuer: Text = ""
    """The only ``iss`` that Realtime and the API believe; empty: they do not look, as hosted."""
    access_token_lifetime_s: Annotated[int, Meta(ge=1, le=_YEAR_S)] = 3600
    """From the issue of a session's access token to its ``exp``."""
    refresh_reuse_interval_s: Seconds = 10.0
    """For so long after its use a refresh token may be used again; the source's default is 0."""
    session_timebox_s: Annotated[float, Meta(gt=0, le=_YEAR_S)] | None = None
    """A session cannot be refreshed any more after this; ``None``: for ever."""
    auth_rate_limit_per_5min: Count = 0
    """Requests to ``/token`` in five minutes from one address, after a burst of 30; 0: any
    number. Hosted allows 150, which a load generator behind one address cannot live with."""
    poll_interval_s: Seconds = 0.1
    """How soon the change stream is read again after a read in which nobody was interested, plus
    half to all of it by chance. 0 sends every change as soon as it is committed."""
    poll_idle_multiplier: Count = 5
    """How many such intervals pass after a read that found nothing."""
    poll_max_changes: CountFrom1 = 100
    """How many changes are read at once."""
    cdc_stop_after_s: Seconds = 600.0
    """The change stream is given up after so long without a subscriber."""
    cold_start_s: Seconds = 0.0
    """How much later `system ok` comes where the change stream has to be started first; ours,
    hosted it takes 1 to 3 s."""
    max_change_bytes: Bytes = 1024 * 1024
    """A change whose JSON is longer is sent without its values over 64 bytes (error 413)."""
    late_system_ok_s: Seconds = 15.0
    """How much later it comes under the defect `late-system-ok`."""
    lost_on_reconnect_s: Seconds = 5.0
    """How long somebody who came back gets no rows under `event-lost-on-reconnect`."""
    plan: Literal["off", "free", "pro", "team"] = "off"
    """Whose quotas hold: those of a hosted plan, or none; ours, hosted projects always have one.
    ``pro`` is Pro with its spend cap; without the cap it has the quotas of ``team``."""
    changes_used_up: bool = False
    """Whether the plan's quota of database changes counts as used up, whatever the traffic: they
    are discarded for everybody, and nobody is told."""
    max_channels: Count = 100
    """Channels of one socket; one more is refused. The same in every plan."""
    presence_calls: CountFrom1 = 5
    """Presence messages that one channel may send in a window; one more ends it."""
    presence_window_s: Seconds = 30.0
    """That window; it begins with the first message after the last one ended."""
    private_only: bool = False
    """Whether public channels are refused."""
    strict_join_ref: bool = False
    """Whether frames of another join than the present one are dropped, as Phoenix 1.8.3 does."""
    confirm_token_s: Period = 300.0
    """A channel looks at least this often whether its token still holds."""
    no_channel_sweep_s: Period = 600.0
    """This often, sockets that lost their last channel are cut off without a Close frame."""
    join_delay_s: Seconds = 0.0
    """Before a join succeeds the whole socket stands still for this long."""
    join_refusal: Text = ""
    """If set, every join is refused with this reason, such as ``RealtimeRestarting: …``."""
    handshake_status: Literal[0, 200, 400, 401, 403, 404, 426, 429, 500] = 0
    """If not 0, every WebSocket handshake is answered with this status: 401 and on as Realtime
    does it, after its wait; 200, 400 and 426 at once, as a proxy does that strips ``Upgrade``."""
    handshake_hang: bool = False
    """Whether WebSocket handshakes are never answered."""
    accept_then_close: Literal[0, 1000, 1001, 1006, 1008, 1011, 1012, 1013] = 0
    """If not 0, a socket is closed with this code as soon as it is open; 1006: without a Close
    frame."""
    half_open: bool = False
    """Whether sockets are kept, but neither read nor written: what is sent to them meanwhile is
    lost."""
    max_request_bytes: Bytes = 65_536
    """A greater body of a request to chat, REST or Auth gets 413; ours, Next.js takes more."""
    max_body_chars: CountFrom1 = 4_000
    """A longer text of a message is answered 400; the chat's own rule (S7)."""
    poll_max_age_s: Annotated[int, Meta(ge=0, le=_YEAR_S)] = 0
    """How long caches may answer a poll themselves; 0 forbids it (``no-store``)."""
    cors_origins: Origins = "*"
    """Whose pages may read answers: origins separated by commas, ``*`` for all, none if empty."""
    slow_commit_s: Seconds = 1.0
    """How long a commit is held under slow-commit, ack-before-commit or poll-id-gap."""
    strike_all: Literal[
        "none",
        "error-burst",
        "lost-after-ack",
        "ack-lost",
        "html-error",
        "empty-body",
        "wrong-schema",
    ] = "none"
    """Which of the defects that strike some sends strikes, where it is planted, every one."""
    rest_max_rows: CountFrom1 = 1_000
    """Most rows of one answer in PostgREST's form."""
