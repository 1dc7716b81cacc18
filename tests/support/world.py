"""A small world: pages and the reference server's pure rooms, joined by a network that lies.

Virtual time, no socket. Each user has a line to the server (``world_user.Line``) whose switches
are the faults: refuse or swallow connects, hold everything back, die without telling anybody,
repeat frames, spoil requests before or after the commit. Every event is a function in one queue,
ordered by time, then by when it was put there; so a history of calls gives one history of
events.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable
from functools import partial

from harness.client.commands import (
    AbortRequest,
    CloseSocket,
    Command,
    OpenSocket,
    SendFrame,
    ShowFailure,
    StartRequest,
)
from harness.client.policy import Policy
from harness.server.realtime.effects import Peer
from harness.wire.phoenix import Frame, Vsn, encode_from_server
from tests.support.world_server import Server
from tests.support.world_user import Fault, User

LATENCY_S = 0.02
"""One way, on a line without faults."""
LATE_S = 12.0
"""Longer than every timeout of a page."""
STRANGER = "99999999-9999-4999-8999-999999999999"


class World:
    """Users of one room and their server. Time stands still but in :meth:`wait`."""

    def __init__(self, policies: Iterable[tuple[Policy, Vsn]]) -> None:
        self.now_s = 0.0
        self.server = Server(self._deliver)
        self.users = [User(number, *one) for number, one in enumerate(policies)]
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
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
            wakes = [(one.next_wake_s, one.number) for one in self.users]
            wake_s, number = min(wakes)
            queued_s = self._queue[0][0] if self._queue else float("inf")
            server_s = self.server.next_due_s
            next_s = min(wake_s, queued_s, server_s)
            if next_s > until_s:
                break
            self.now_s = max(self.now_s, next_s)
            if next_s == queued_s:
                heapq.heappop(self._queue)[2]()
            elif next_s == server_s:
                self.server.advance(self.now_s)
            else:
                self.users[number].session.wake(self.now_s)
                self._obey(self.users[number])
        self.now_s = until_s

    def _later(self, delay_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now_s + delay_s, next(self._order), act))

    def _travel(self, user: User, act: Callable[[], None]) -> None:
        """Do ``act`` at the other end of the line: later, in order, and not while it is blocked;
        nor where the page that it was for is gone by then."""
        page = user.session

        def arrive() -> None:
            if user.session is not page:
                return
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

    def sends_again(self, user: User) -> None:
        """The person presses the button on every bubble that is shown as failed."""
        if user.frozen:
            return
        failures, user.failures = user.failures, []
        for failed in failures:
            number = int(failed.client_msg_id[-12:])
            user.session.send_again(
                number,
                failed.client_msg_id,
                f"message {number}",
                attempt=failed.attempt + 1,
                planned_s=self.now_s,
                now_s=self.now_s,
            )
            self._obey(user)

    def stranger_types(self) -> None:
        """Somebody whose own page is none of ours."""
        number = next(self._messages)
        key = f"22222222-2222-4222-8222-{number:012d}"
        self.server.commit(STRANGER, key, "from outside", self.now_s)

    def stranger_types_and_commits_late(self, delay_s: float) -> int:
        """The row takes its id now and is committed, and seen, later (H1); answers with the id."""
        number = next(self._messages)
        key = f"22222222-2222-4222-8222-{number:012d}"
        row_id = self.server.store.take_id()

        def commit() -> None:
            self.server.commit(STRANGER, key, "late", self.now_s, row_id=row_id)

        self._later(delay_s, commit)
        return row_id

    def hide(self, row_id: int) -> None:
        """A moderator hides a row."""
        self.server.hide(row_id, self.now_s)

    def delete(self, row_id: int) -> None:
        """A moderator deletes a row."""
        self.server.delete(row_id, self.now_s)

    def freeze(self, user: User) -> None:
        """The browser stops the page of a hidden tab."""
        if not user.visible:
            user.frozen = True

    def thaw(self, user: User) -> None:
        """The page runs again, in front: what has come for it first, its timers after."""
        was_away, user.away = user.away, False
        user.frozen = False
        self.set_visible(user, True)
        if was_away:
            user.session.page_shown(self.now_s)
        held, user.held = user.held, []
        for feed in held:
            self._obey(user)
            feed(self.now_s)
        self._obey(user)

    def navigate_away(self, user: User) -> None:
        """Another page in the tab; the browser keeps this one in the back/forward cache."""
        if user.frozen:
            return
        user.session.page_hidden(self.now_s)
        self._obey(user)
        self.set_visible(user, False)
        self._server_loses(user)
        socket, user.line.socket = user.line.socket, 0
        user.frozen = user.away = True
        if socket:
            self._feed(user, partial(user.session.socket_closed, socket, 1006, "cut"))

    def discard(self, user: User) -> None:
        """The browser throws a page away and loads it anew."""
        user.session.page_lost("discarded", self.now_s)
        self._server_loses(user)
        user.line.socket = 0
        user.loads_anew()
        user.session.open_page(self.now_s)
        self._obey(user)

    def set_visible(self, user: User, visible: bool) -> None:
        if user.frozen:
            return
        user.visible = visible
        user.session.set_visible(visible, self.now_s)
        self._obey(user)

    def set_online(self, user: User, online: bool) -> None:
        if user.frozen:
            return
        user.online = online
        user.session.set_online(online, self.now_s)
        self._obey(user)

    # -- faults ---------------------------------------------------------------------------

    def cut(self, user: User) -> None:
        """The connection breaks, and both ends know it."""
        self._server_loses(user)
        socket, user.line.socket = user.line.socket, 0
        if socket:
            self._feed(user, partial(user.session.socket_closed, socket, 1006, "cut"))

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
        if user.line.peer is not None:
            self.server.end_channel(user.line.peer, self.now_s)

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
        committed = {row.id for row in self.server.store.rows}
        return committed - user.shown.keys() - set(user.unread or ())

    # -- what pages ask for ---------------------------------------------------------------

    def _feed(self, user: User, feed: Callable[[float], object]) -> None:
        """Something reaches the page, now or when it runs again."""
        if user.frozen:
            user.held.append(feed)
            return
        feed(self.now_s)
        self._obey(user)

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
            case ShowFailure():
                user.failures.append(command)

    def _accept(self, user: User, socket: int) -> None:
        if socket != user.line.socket:
            return
        if user.line.refuses:
            user.line.socket = 0
            self._feed(user, partial(user.session.socket_closed, socket, 1006, "refused"))
        else:
            peer = self.server.accept(user.vsn)
            user.line.peer = peer
            self._ends[peer.connection] = user
            self._feed(user, partial(user.session.socket_opened, socket))

    def _close(self, user: User, socket: int) -> None:
        if socket == user.line.socket and user.line.peer is not None:
            self.cut(user)

    def _server_loses(self, user: User) -> None:
        peer, user.line.peer = user.line.peer, None
        if peer is not None:
            del self._ends[peer.connection]
            self.server.lose(peer, self.now_s)

    # -- Realtime -------------------------------------------------------------------------

    def _serve(self, user: User, peer: Peer | None, text: str) -> None:
        if peer is not None and peer == user.line.peer:
            self.server.receive(peer, text, self.now_s)

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
                    self._feed(user, partial(user.session.frame_received, socket, data))

        self._travel(user, arrive)

    # -- the API --------------------------------------------------------------------------

    def _request(self, user: User, request: int, path: str, body: bytes | None) -> None:
        fault = user.line.faults.popleft() if user.line.faults else None
        if fault == "lost":
            return
        if fault == "reset_before":
            self._travel(user, lambda: self._fail(user, request))
            return

        page = user.session

        def arrive() -> None:
            answer = self._api(user, request, path, body)
            if fault == "sent_twice":
                answer = self._api(user, request, path, body)
            if user.session is page:
                self._return(user, request, answer, fault)

        if fault == "held":
            self._later(LATE_S, arrive)
        else:
            self._travel(user, arrive)

    def _return(self, user: User, request: int, body: bytes, fault: Fault | None) -> None:
        page = user.session

        def answer() -> None:
            self._answer(user, request, 200, body)

        match fault:
            case "answer_lost":
                return
            case "reset_after":
                self._travel(user, lambda: self._fail(user, request))
            case "html":
                self._travel(user, lambda: self._answer(user, request, 502, b"<html>"))
            case "late":
                self._later(LATE_S, lambda: answer() if user.session is page else None)
            case "answered_twice":
                self._travel(user, answer)
                self._travel(user, answer)
            case _:
                self._travel(user, answer)

    def _api(self, user: User, request: int, path: str, body: bytes | None) -> bytes:
        if body is not None:
            return self.server.create(user.user_id, body, self.now_s)
        answer, left_out = self.server.read(path)
        if "after=" not in path:
            user.left_out[request] = left_out
        return answer

    def _answer(self, user: User, request: int, status: int, body: bytes) -> None:
        # A driver says nothing of an aborted request; a page must not mind if it did.
        if user.unread is None and status == 200 and request not in user.aborted:
            user.unread = user.left_out.get(request)
        self._feed(user, partial(user.session.http_answered, request, status, body))

    def _fail(self, user: User, request: int) -> None:
        self._feed(user, partial(user.session.http_failed, request, "reset"))
