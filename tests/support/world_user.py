"""A user of the world: the page, its line to the server, and the rules of its screen."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Literal

from harness.client.commands import ShowFailure
from harness.client.policy import Policy
from harness.client.session import Identity, Session
from harness.records import (
    Delivery,
    Event,
    Fate,
    LineChanged,
    Path,
    SendEnded,
    SendStarted,
    SpinnerOff,
)
from harness.server.realtime.effects import Peer
from harness.tokens import mint, mint_anon, user_uuid
from harness.wire.changes import MessageRow
from harness.wire.phoenix import Vsn
from tests.support.world_server import ROOM, SECRET, UNIX_START_S

_DAY_S = 86_400

Fault = Literal[
    "lost",  # neither the request nor an answer arrives
    "reset_before",  # the connection breaks before the server has it
    "answer_lost",  # committed, never answered
    "reset_after",  # committed, then the connection breaks
    "html",  # committed, answered with an error page
    "late",  # committed at once, answered after twelve seconds
    "held",  # reaches the server only after twelve seconds
    "sent_twice",  # the browser repeats it on its own (H7)
    "answered_twice",
]
FAULTS: tuple[Fault, ...] = (
    "lost",
    "reset_before",
    "answer_lost",
    "reset_after",
    "html",
    "late",
    "held",
    "sent_twice",
    "answered_twice",
)


@dataclass
class Line:
    """One user's way to the server: its faults, and the socket that is on it."""

    refuses: bool = False
    """Socket attempts fail at once."""
    blocked: bool = False
    """Nothing passes in either direction; it arrives when the line is well again."""
    repeats: int = 0
    """So many of the next frames from the server come twice."""
    faults: deque[Fault] = field(default_factory=deque)
    """Of the next HTTP requests, in order."""
    socket: int = 0
    """The page's number of the socket that is on the line; 0 for none."""
    peer: Peer | None = None
    """Its other end, as long as the server has one."""
    held: list[Callable[[], None]] = field(default_factory=list)


class User:
    """A page, its line, and what it recorded; checks the rules of the screen as records come."""

    def __init__(self, number: int, policy: Policy, vsn: Vsn) -> None:
        self.number = number
        self.policy = policy
        self.vsn: Vsn = vsn
        self.user_id = user_uuid(7, number)
        self.line = Line()
        self.frozen = False
        """The page is in memory and nothing of it runs."""
        self.away = False
        """Another page is in its tab."""
        self._identity = Identity(
            user=number,
            user_id=self.user_id,
            webinar=ROOM,
            cohort="all",
            seed=7,
            api_key=mint_anon(SECRET, issued_at_unix_s=UNIX_START_S),
            token=mint(
                SECRET,
                self.user_id,
                webinars={str(ROOM): "attendee"},
                issued_at_unix_s=UNIX_START_S,
                lifetime_s=_DAY_S,
            ),
            vsn=vsn,
        )
        self.loads_anew()

    def loads_anew(self) -> None:
        """Another page, which remembers nothing, in front."""
        self.frozen = self.away = False
        self.visible = self.online = True
        self.aborted: set[int] = set()
        self.shown: dict[int, Path] = {}
        self.changed: dict[int, str] = {}
        """What became of lines after they were shown, by row (R5)."""
        self.sends: dict[tuple[str, int], set[str]] = {}
        """What has ended of each attempt to send a message: the request, the spinner."""
        self.failures: list[ShowFailure] = []
        """The bubbles that a person may send again, unless their row has come since."""
        self.held: list[Callable[[float], object]] = []
        """What has reached the page while it was frozen."""
        self.left_out: dict[int, range] = {}
        """The ids that each read without ``after`` left out, by its request."""
        self.unread: range | None = None
        """Those of the first such read that was answered: too old for the page, not lost."""
        self.session = Session(self._identity, self.policy, self)

    @property
    def next_wake_s(self) -> float:
        """When the page's first timer runs."""
        return inf if self.frozen else self.session.next_wake_s

    @property
    def own_ids(self) -> set[str]:
        """The ``client_msg_id`` of every bubble of this page so far."""
        return {key for key, _ in self.sends}

    def delivery(self, t_s: float, user: int, row: MessageRow, path: Path, fate: Fate) -> None:
        """R4 and S3, row by row."""
        got = Delivery(t_s, user, row.id, path, fate)
        if fate is Fate.SUPPRESSED:
            assert row.id in self.shown, f"{got}: suppressed, but not on the screen"
            return
        assert row.id not in self.shown, f"{got}: a second line"
        mine = row.client_msg_id in self.own_ids
        assert mine == (fate is Fate.SWAPPED), f"{got}: a bubble beside its own row"
        self.shown[row.id] = path

    def event(self, event: Event) -> None:
        """S3, S6: of each attempt the request ends once and the spinner ends once, and none begins
        before those before it have ended."""
        if isinstance(event, LineChanged):
            self.changed[event.row_id] = event.change
        if isinstance(event, SendStarted):
            key = event.client_msg_id, event.attempt
            assert key not in self.sends, f"{event}: a second time"
            assert event.client_msg_id not in self.spinning() | self.unfinished(), event
            self.sends[key] = set()
        if isinstance(event, SendEnded):
            self._ends("request", event.client_msg_id, event.attempt)
        if isinstance(event, SpinnerOff):
            latest = max(n for key, n in self.sends if key == event.client_msg_id)
            self._ends("spinner", event.client_msg_id, latest)

    def _ends(self, what: str, client_msg_id: str, attempt: int) -> None:
        ended = self.sends[client_msg_id, attempt]
        assert what not in ended, f"{client_msg_id}: the {what} of attempt {attempt} ends twice"
        ended.add(what)

    def spinning(self) -> set[str]:
        """The bubbles whose spinner has not ended."""
        return {key for (key, _), ended in self.sends.items() if "spinner" not in ended}

    def unfinished(self) -> set[str]:
        """The sends that have not ended."""
        return {key for (key, _), ended in self.sends.items() if "request" not in ended}
