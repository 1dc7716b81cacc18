"""A small world: pages and the reference server's pure rooms, joined by a network that lies.

Virtual time, no socket. Each user has a :class:`Line` to the server, whose switches are the
faults: refuse or swallow connects, hold everything back, die without telling anybody, repeat
frames, spoil requests before or after the commit. Every event is a function in one queue,
ordered by time, then by when it was put there; so a history of calls gives one history of
events.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import msgspec

from harness.client.commands import (
    AbortRequest,
    CloseSocket,
    Command,
    OpenSocket,
    SendFrame,
    StartRequest,
)
from harness.client.policy import Policy
from harness.client.session import Identity, Session
from harness.commitlog import Commit
from harness.records import (
    Delivery,
    Event,
    Fate,
    Path,
    SendEnded,
    SendStarted,
    SpinnerOff,
)
from harness.server.auth import Claims, Tokens
from harness.server.changes import Change
from harness.server.effects import Effect, Peer, Publish, Send
from harness.server.knobs import Knobs
from harness.server.protocol import Protocol
from harness.server.room import Rooms
from harness.server.walltime import WallTime
from harness.tokens import mint, mint_anon, user_uuid
from harness.wire.api import CreateAnswer, CreateRequest, ListAnswer
from harness.wire.changes import MessageRow
from harness.wire.phoenix import Frame, Vsn, encode_from_server

ROOM = 42
SECRET = "a secret for tests, long enough for HS256"
UNIX_START_S = 1_795_000_000
LATENCY_S = 0.02
"""One way, on a line without faults."""
STRANGER = "99999999-9999-4999-8999-999999999999"
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
LATE_S = 12.0
"""Longer than every timeout of a page."""


@dataclass
class Store:
    """The messages table: ids in commit order, S5's unique key."""

    rows: list[MessageRow] = field(default_factory=list)
    _by_key: dict[tuple[str, str], MessageRow] = field(default_factory=dict)

    def create(self, user_id: str, client_msg_id: str, body: str) -> tuple[MessageRow, bool]:
        """The committed row, and whether it is new."""
        key = (user_id, client_msg_id)
        if key in self._by_key:
            return self._by_key[key], False
        row = MessageRow(len(self.rows) + 1, ROOM, user_id, client_msg_id, body, "2026-11-23")
        self.rows.append(row)
        self._by_key[key] = row
        return row, True

    def read(self, after: int | None, limit: int) -> list[MessageRow]:
        """F4: the rows after an id, or the last ones."""
        return self.rows[-limit:] if after is None else self.rows[after : after + limit]


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
        self.visible = True
        self.online = True
        self.aborted: set[int] = set()
        self.shown: dict[int, Path] = {}
        self.counts: Counter[tuple[str, str]] = Counter()
        self.left_out: dict[int, range] = {}
        """The ids that each read without ``after`` left out, by its request."""
        self.unread: range | None = None
        """Those of the first such read that was answered: too old for the page, not lost."""
        identity = Identity(
            user=number,
            user_id=self.user_id,
            webinar=ROOM,
            cohort="all",
            seed=7,
            api_key=mint_anon(SECRET, issued_at_unix_s=UNIX_START_S),
            token=mint(SECRET, self.user_id, issued_at_unix_s=UNIX_START_S, lifetime_s=_DAY_S),
            vsn=vsn,
        )
        self.session = Session(identity, policy, self)

    @property
    def own_ids(self) -> set[str]:
        """The ``client_msg_id`` of every bubble so far."""
        return {key for what, key in self.counts if what == "SendStarted"}

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
        """S3: a send ends once and its spinner ends once."""
        if isinstance(event, SendStarted | SendEnded | SpinnerOff):
            key = (type(event).__name__, event.client_msg_id)
            self.counts[key] += 1
            assert self.counts[key] == 1, f"{event}: a second time"

    def spinning(self) -> set[str]:
        """The bubbles whose spinner has not ended."""
        return {key for key in self.own_ids if ("SpinnerOff", key) not in self.counts}

    def unfinished(self) -> set[str]:
        """The sends that have not ended."""
        return {key for key in self.own_ids if ("SendEnded", key) not in self.counts}


class World:
    """Users of one room and their server. Time stands still but in :meth:`wait`."""

    def __init__(self, policies: Iterable[tuple[Policy, Vsn]]) -> None:
        self.now_s = 0.0
        self.store = Store()
        self.users = [User(number, *one) for number, one in enumerate(policies)]
        knobs = Knobs(system_ok_delay_s=0.5)
        tokens = Tokens(SECRET, WallTime(UNIX_START_S))
        self._rooms = Rooms(knobs)
        self._protocol = Protocol(self._rooms, tokens, knobs)
        anonymous = tokens.verify(mint_anon(SECRET, issued_at_unix_s=UNIX_START_S), 0.0)
        assert isinstance(anonymous, Claims)
        self._anonymous = anonymous
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._connections = itertools.count(1)
        self._messages = itertools.count(1)
        self._ends: dict[int, User] = {}
        """Whose socket each connection of the server is."""
        for user in self.users:
            user.session.open_page(self.now_s)
            self._obey(user)

    # -- time -----------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Let time pass; whatever is due happens at its moment, in one order."""
        until_s = self.now_s + seconds
        while True:
            wakes = [(one.session.next_wake_s, one.number) for one in self.users]
            wake_s, number = min(wakes)
            queued_s = self._queue[0][0] if self._queue else float("inf")
            server_s = self._rooms.next_due_s
            server_s = float("inf") if server_s is None else server_s
            next_s = min(wake_s, queued_s, server_s)
            if next_s > until_s:
                break
            self.now_s = max(self.now_s, next_s)
            if next_s == queued_s:
                heapq.heappop(self._queue)[2]()
            elif next_s == server_s:
                self._perform(self._rooms.advance(self.now_s))
            else:
                self.users[number].session.wake(self.now_s)
                self._obey(self.users[number])
        self.now_s = until_s

    def _later(self, delay_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now_s + delay_s, next(self._order), act))

    def _travel(self, user: User, act: Callable[[], None]) -> None:
        """Do ``act`` at the other end of the line: later, in order, and not while it is blocked."""

        def arrive() -> None:
            if user.line.blocked:
                user.line.held.append(act)
            else:
                act()

        self._later(LATENCY_S, arrive)

    # -- people ---------------------------------------------------------------------------

    def types(self, user: User) -> None:
        number = next(self._messages)
        key = f"22222222-2222-4222-8222-{number:012d}"
        user.session.type_message(number, key, f"message {number}", self.now_s, self.now_s)
        self._obey(user)

    def stranger_types(self) -> None:
        """Somebody whose own page is none of ours."""
        number = next(self._messages)
        self._commit(STRANGER, f"22222222-2222-4222-8222-{number:012d}", "from outside")

    def set_visible(self, user: User, visible: bool) -> None:
        user.visible = visible
        user.session.set_visible(visible, self.now_s)
        self._obey(user)

    def set_online(self, user: User, online: bool) -> None:
        user.online = online
        user.session.set_online(online, self.now_s)
        self._obey(user)

    # -- faults ---------------------------------------------------------------------------

    def cut(self, user: User) -> None:
        """The connection breaks, and both ends know it."""
        self._server_loses(user)
        socket, user.line.socket = user.line.socket, 0
        if socket:
            user.session.socket_closed(socket, 1006, "cut", self.now_s)
            self._obey(user)

    def dies_silently(self, user: User) -> None:
        """The server's end is gone; the page does not know."""
        self._server_loses(user)

    def block(self, user: User) -> None:
        user.line.blocked = True

    def unblock(self, user: User) -> None:
        """What was held back arrives, in its order."""
        user.line.blocked = False
        held, user.line.held = user.line.held, []
        for act in held:
            act()

    def end_channel(self, user: User) -> None:
        """The server ends the room's channel for good, as at a token's end (H9)."""
        peer = user.line.peer
        channel = peer and self._rooms.channel(peer, f"realtime:webinar-{ROOM}")
        if channel:
            self._perform(self._rooms.end(channel, "Token has expired", self.now_s))

    def heal(self) -> None:
        """Every line is well again. What died silently stays to be found out."""
        for user in self.users:
            user.line.refuses = False
            user.line.repeats = 0
            user.line.faults.clear()
            self.unblock(user)

    def settle(self, minutes: int = 3) -> None:
        """Heal, and let time pass in a room that is never quiet for long."""
        self.heal()
        for _ in range(minutes * 15):
            self.stranger_types()
            self.wait(4.0)

    # -- what came of it ------------------------------------------------------------------

    def missing(self, user: User) -> set[int]:
        """Committed rows that are not on the user's screen, though they should be."""
        committed = {row.id for row in self.store.rows}
        return committed - user.shown.keys() - set(user.unread or ())

    # -- what pages ask for ---------------------------------------------------------------

    def _obey(self, user: User) -> None:
        for command in user.session.drain():
            self._run(user, command)

    def _run(self, user: User, command: Command) -> None:
        match command:
            case OpenSocket(socket):
                self._server_loses(user)  # the page gave its last one up
                user.line.socket = socket
                self._travel(user, lambda: self._accept(user, socket))
            case SendFrame(socket, data):
                if socket == user.line.socket:
                    peer = user.line.peer
                    self._travel(user, lambda: self._serve(user, peer, data.decode()))
            case CloseSocket(socket):
                if socket == user.line.socket:
                    self._travel(user, lambda: self._close(user, socket))
            case StartRequest(request, _, path, body):
                self._request(user, request, path, body)
            case AbortRequest(request):
                user.aborted.add(request)

    def _accept(self, user: User, socket: int) -> None:
        if socket != user.line.socket:
            return
        if user.line.refuses:
            user.line.socket = 0
            user.session.socket_closed(socket, 1006, "refused", self.now_s)
        else:
            peer = Peer(next(self._connections), user.vsn)
            user.line.peer = peer
            self._ends[peer.connection] = user
            user.session.socket_opened(socket, self.now_s)
        self._obey(user)

    def _close(self, user: User, socket: int) -> None:
        if socket == user.line.socket and user.line.peer is not None:
            self.cut(user)

    def _server_loses(self, user: User) -> None:
        peer, user.line.peer = user.line.peer, None
        if peer is not None:
            del self._ends[peer.connection]
            self._perform(self._rooms.drop(peer, self.now_s))

    # -- the Realtime server --------------------------------------------------------------

    def _serve(self, user: User, peer: Peer | None, text: str) -> None:
        if peer is None or peer != user.line.peer:
            return
        reaction = self._protocol.receive(peer, self._anonymous, text, self.now_s)
        assert not reaction.dropped, f"the server did not understand a page: {reaction.dropped}"
        assert not reaction.stall_s, "a join with a valid token was refused"
        self._perform(reaction.effects)

    def _perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(peer, frame):
                    self._deliver(peer.connection, frame)
                case Publish(_, frame, connections):
                    for connection in connections:
                        self._deliver(connection, frame)

    def _deliver(self, connection: int, frame: Frame) -> None:
        user = self._ends.get(connection)
        if user is None:
            return
        socket = user.line.socket
        data = encode_from_server(frame, user.vsn)
        times = 1
        if user.line.repeats:
            user.line.repeats -= 1
            times = 2

        def arrive() -> None:
            if user.line.socket == socket:
                for _ in range(times):
                    user.session.frame_received(socket, data, self.now_s)
                self._obey(user)

        self._travel(user, arrive)

    # -- the API --------------------------------------------------------------------------

    def _request(self, user: User, request: int, path: str, body: bytes | None) -> None:
        fault = user.line.faults.popleft() if user.line.faults else None
        if fault == "lost":
            return
        if fault == "reset_before":
            self._travel(user, lambda: self._fail(user, request))
            return

        def arrive() -> None:
            answer = self._api(user, request, path, body)
            if fault == "sent_twice":
                answer = self._api(user, request, path, body)
            self._return(user, request, answer, fault)

        if fault == "held":
            self._later(LATE_S, arrive)
        else:
            self._travel(user, arrive)

    def _return(self, user: User, request: int, body: bytes, fault: Fault | None) -> None:
        match fault:
            case "answer_lost":
                return
            case "reset_after":
                self._travel(user, lambda: self._fail(user, request))
            case "html":
                self._travel(user, lambda: self._answer(user, request, 502, b"<html>"))
            case "late":
                self._later(LATE_S, lambda: self._answer(user, request, 200, body))
            case "answered_twice":
                self._travel(user, lambda: self._answer(user, request, 200, body))
                self._travel(user, lambda: self._answer(user, request, 200, body))
            case _:
                self._travel(user, lambda: self._answer(user, request, 200, body))

    def _api(self, user: User, request: int, path: str, body: bytes | None) -> bytes:
        if body is not None:
            asked = msgspec.json.decode(body, type=CreateRequest)
            row = self._commit(user.user_id, asked.client_msg_id, asked.body)
            return msgspec.json.encode(CreateAnswer(True, row))
        query = parse_qs(urlsplit(path).query)
        after = int(query["after"][0]) if "after" in query else None
        rows = self.store.read(after, int(query["limit"][0]))
        if after is None:
            user.left_out[request] = range(1, len(self.store.rows) - len(rows) + 1)
        return msgspec.json.encode(ListAnswer(True, rows))

    def _commit(self, user_id: str, client_msg_id: str, body: str) -> MessageRow:
        row, is_new = self.store.create(user_id, client_msg_id, body)
        if is_new:
            commit = Commit(
                seq=row.id,
                op="INSERT",
                row_id=row.id,
                webinar_id=ROOM,
                user_id=user_id,
                client_msg_id=client_msg_id,
                body=body,
                committed_s=self.now_s,
            )
            self._perform(self._rooms.publish(Change(commit, row), "2026-11-23T10:00:00.000Z"))
        return row

    def _answer(self, user: User, request: int, status: int, body: bytes) -> None:
        # A driver says nothing of an aborted request; a page must not mind if it did.
        if user.unread is None and status == 200 and request not in user.aborted:
            user.unread = user.left_out.get(request)
        user.session.http_answered(request, status, body, self.now_s)
        self._obey(user)

    def _fail(self, user: User, request: int) -> None:
        user.session.http_failed(request, "reset", self.now_s)
        self._obey(user)
