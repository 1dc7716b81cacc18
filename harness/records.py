"""What happened, as flat typed records: the vocabulary of a run.

Every record carries ``t_s``, the moment on the host's monotonic clock, and (where it belongs
to one) ``user``, the index of the emulated user. Deliveries are by far the most frequent and
have a form of their own (:class:`Delivery`, fixed-width on disk); all others are
:data:`Event`. ``harness.recorder`` writes and reads both.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, NamedTuple, Protocol

import msgspec

from harness.runsettings import ActKind, ModerationKind
from harness.wire.changes import MessageRow

FORMAT_VERSION = 1
"""Raised when a field changes its meaning; a reader refuses versions it does not know."""


class Path(IntEnum):
    """The way on which a row reached a client."""

    REALTIME = 1
    POLL = 2
    API = 3
    """The answer of the send itself (S2)."""
    HISTORY = 4
    """The read when the page opens."""


class Fate(IntEnum):
    """What a row that arrived did to the screen."""

    SHOWN = 1
    """A new line."""
    SWAPPED = 2
    """The user's own bubble became this row (S2, S3, S4)."""
    SUPPRESSED = 3
    """Already on the screen: nothing changed (R4)."""


class Delivery(NamedTuple):
    """A row reached a client and did something (or, rightly, nothing) to its screen."""

    t_s: float
    user: int
    row_id: int
    path: Path
    fate: Fate


class _Event(msgspec.Struct, frozen=True, tag_field="kind", kw_only=True):
    t_s: float


class PageOpened(_Event, frozen=True, tag="page_opened"):
    """The chat page is there; from here on the user should see what is committed."""

    user: int
    user_id: str
    """The user's UUID in the database."""
    room: int
    """The webinar's id."""
    cohort: str


LineChange = Literal["edited", "hidden", "shown", "deleted"]


class LineChanged(_Event, frozen=True, tag="line_changed"):
    """A line that is on the screen became what the server has made of its row (R5)."""

    user: int
    row_id: int
    change: LineChange
    path: Path


PageEnd = Literal[
    "closed",  # by the person, or at the end of the run
    "navigated",  # another page took its place, and the browser did not keep it
    "evicted",  # it was kept in the back/forward cache, but not for as long as the person was away
    "discarded",  # the browser threw the hidden tab's page away to save memory
]


class PageClosed(_Event, frozen=True, tag="page_closed"):
    """The page goes away, normally at the end of the run."""

    user: int
    pending: tuple[str, ...]
    """``client_msg_id`` of bubbles that still say "sending…"."""
    failed: tuple[str, ...]
    """``client_msg_id`` of bubbles that are shown as failed."""
    inversions: int = 0
    """Neighbouring rows that stood against the order of their ids."""
    end: PageEnd = "closed"


class VisibilityChanged(_Event, frozen=True, tag="visibility"):
    user: int
    visible: bool


class OnlineChanged(_Event, frozen=True, tag="online"):
    user: int
    online: bool


class PersonActed(_Event, frozen=True, tag="acted"):
    """The person did a planned act; what the page made of it follows in records of its own."""

    user: int
    number: int
    """The position in the user's own acts, from 0."""
    planned_s: float
    act: ActKind
    fault: str = ""
    """The fault that it is of; empty: the person's own, or their device's."""


SkipReason = Literal[
    "send_disabled",  # S6
    "page_not_open",
    "tab_hidden",
    "asleep",  # the laptop is closed
    "offline",  # of older records; who has no network can click, and the send fails
    "load_ended",
]


class SendSkipped(_Event, frozen=True, tag="send_skipped"):
    """A planned send that a person could not make; counted, never dropped in silence."""

    user: int
    number: int
    """The position in the user's own plan, from 0."""
    planned_s: float
    reason: SkipReason


class SendStarted(_Event, frozen=True, tag="send_started"):
    """The bubble is shown and the request starts (S1); ``t_s - planned_s`` is how late."""

    user: int
    number: int
    planned_s: float
    client_msg_id: str
    attempt: int
    """1 for the first request with this ``client_msg_id``; each further one is a retry: the person
    pressed "send again" on the failed message (S5)."""


SendOutcome = Literal[
    "ok",
    "timeout",  # the client's own timeout (S3, O3)
    "refused",  # answered in the agreed shape with success=false
    "bad_answer",  # answered, but not in the agreed shape (S8)
    "network",  # no answer: refused, reset, closed
]


class SendEnded(_Event, frozen=True, tag="send_ended"):
    """The request is over. A send without this record never ended."""

    user: int
    client_msg_id: str
    attempt: int
    outcome: SendOutcome
    status: int | None = None
    """The HTTP status, where there was one."""
    row_id: int | None = None
    detail: str = ""


ModerationOutcome = Literal["ok", "timeout", "refused", "bad_answer", "network"]


class ModerationStarted(_Event, frozen=True, tag="moderation_started"):
    """The person clicks on hide or delete, and the request starts."""

    user: int
    row_id: int
    act: ModerationKind


class ModerationEnded(_Event, frozen=True, tag="moderation_ended"):
    """The request is over."""

    user: int
    row_id: int
    act: ModerationKind
    outcome: ModerationOutcome


class RequestRepeated(_Event, frozen=True, tag="request_repeated"):
    """H7: the browser sent a request again by itself, on another connection."""

    user: int
    client_msg_id: str
    """Of the message that it sends; empty for a read."""


class SpinnerOff(_Event, frozen=True, tag="spinner_off"):
    """The bubble no longer says "sending…" (S3, S4)."""

    user: int
    client_msg_id: str
    by: Literal["api", "realtime", "poll", "timeout", "error"]


class SocketOpening(_Event, frozen=True, tag="socket_opening"):
    """A WebSocket attempt starts; those beyond a session's first count as reconnects (O2)."""

    user: int
    attempt: int
    """1 for the first of the page."""


class SocketOpened(_Event, frozen=True, tag="socket_opened"):
    user: int
    attempt: int


REFUSED_BY_EXTENSION = "refused by an extension"
"""The reason of a socket that a fault in the browser did not let open …"""
CLOSED_BY_EXTENSION = "closed by an extension"
"""… and of one that it closed."""


class SocketClosed(_Event, frozen=True, tag="socket_closed"):
    """The socket is gone, as the page sees it."""

    user: int
    attempt: int
    was_open: bool
    code: int
    """1006 for everything without a Close frame, as a browser shows it."""
    reason: str = ""


class ChannelChanged(_Event, frozen=True, tag="channel"):
    """The state of the room's channel as the app's subscribe callback would see it."""

    user: int
    status: Literal["joining", "subscribed", "live", "errored", "timed_out", "closed"]
    """``live`` follows ``subscribed`` when ``system ok`` says that rows flow (H8)."""
    reason: str = ""


class TokenRefreshed(_Event, frozen=True, tag="token_refreshed"):
    """H9: the page has a new access token."""

    user: int
    lasts_s: float
    """Until its end."""


class TokenRefreshFailed(_Event, frozen=True, tag="token_refresh_failed"):
    """A try to renew the access token brought none."""

    user: int
    reason: str
    again: bool
    """auth-js tries again within the half minute; else it leaves the token as it is for a while."""


class SignedOut(_Event, frozen=True, tag="signed_out"):
    """The session cannot be renewed and its access token has ended: the page goes on as nobody."""

    user: int


class FallbackOn(_Event, frozen=True, tag="fallback_on"):
    """Polling starts (F1)."""

    user: int
    reason: Literal["socket_failures", "silence"]


class FallbackOff(_Event, frozen=True, tag="fallback_off"):
    """Polling stops because an event arrived over Realtime (F2)."""

    user: int


class PollStarted(_Event, frozen=True, tag="poll_started"):
    user: int
    poll: int
    """Counts the polls of this user from 1."""
    cause: Literal["period", "activation", "return", "release", "subscribed", "probe", "reread"]


class PollEnded(_Event, frozen=True, tag="poll_ended"):
    user: int
    poll: int
    outcome: Literal["ok", "timeout", "refused", "bad_answer", "network"]
    rows: int = 0


class Finding(_Event, frozen=True, tag="finding"):
    """Something that should not be, and no record of its own tells: of what the peer sent, mostly.
    The session survived it."""

    user: int
    what: str
    detail: str = ""


class RigSample(_Event, frozen=True, tag="rig_sample"):
    """How a process of the rig is doing, about once a second."""

    process: str
    cpu_share: float
    """CPU seconds a second, 1.0 is a whole core."""
    loop_lag_s: float
    """The worst delay of a timer since the last sample."""
    rss_bytes: int
    open_fds: int
    cpu_wait_share: float | None = None
    """Seconds a second in which its threads were ready and had no CPU; ``None``: unknown."""


class RecordEnded(_Event, frozen=True, tag="record_ended"):
    """The last record of a process; without it, or with other counts, the record is cut."""

    process: str
    deliveries: int
    events: int


Event = (
    PageOpened
    | LineChanged
    | PageClosed
    | VisibilityChanged
    | OnlineChanged
    | PersonActed
    | SendSkipped
    | SendStarted
    | SendEnded
    | ModerationStarted
    | ModerationEnded
    | RequestRepeated
    | SpinnerOff
    | SocketOpening
    | SocketOpened
    | SocketClosed
    | ChannelChanged
    | TokenRefreshed
    | TokenRefreshFailed
    | SignedOut
    | FallbackOn
    | FallbackOff
    | PollStarted
    | PollEnded
    | Finding
    | RigSample
    | RecordEnded
)


class Sink(Protocol):
    """Where a session's records go. Must not block: it is called from socket callbacks."""

    def delivery(self, t_s: float, user: int, row: MessageRow, path: Path, fate: Fate) -> None: ...

    def event(self, event: Event) -> None: ...
