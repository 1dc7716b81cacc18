"""One session on real sockets and timers, under gevent.

Inputs come from three sides: WebSocket watchers and timers (in the hub) and HTTP greenlets. A
session never yields, so each input runs whole, whoever brings it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import gevent

from harness.client.commands import (
    AbortRequest,
    CloseSocket,
    Command,
    OpenSocket,
    SendFrame,
    StartRequest,
)
from harness.client.session import Session
from harness.clock import Clock
from harness.drivers.http_pool import HttpPool, NoAnswer
from harness.drivers.websocket_link import Address, WebSocketLink
from harness.runsettings import PlannedSend


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a cohort's clients connect: its own proxy, or the server itself."""

    address: Address
    host: str


class UserDriver:
    """Drives one session from :meth:`start` to :meth:`stop`."""

    __slots__ = (
        "_armed_s",
        "_clock",
        "_failed",
        "_http",
        "_link",
        "_load_begins_s",
        "_load_ends_s",
        "_loop",
        "_next_send",
        "_on_crash",
        "_plan",
        "_realtime",
        "_requests",
        "_timer",
        "_user",
        "session",
    )

    def __init__(
        self,
        user: int,
        session: Session,
        plan: Sequence[PlannedSend],
        *,
        realtime: Endpoint,
        http: HttpPool,
        load_begins_s: float,
        load_ends_s: float,
        clock: Clock,
        on_crash: Callable[[int, BaseException], None],
    ) -> None:
        self.session = session
        self._user = user
        self._plan = plan
        self._next_send = 0
        self._realtime = realtime
        self._http = http
        self._load_begins_s = load_begins_s
        self._load_ends_s = load_ends_s
        self._clock = clock
        self._on_crash = on_crash
        self._loop: Any = gevent.get_hub().loop
        self._link: WebSocketLink | None = None
        self._requests: dict[int, Any] = {}
        """The greenlet of each request without an answer yet."""
        self._timer: Any = None
        self._armed_s = inf
        self._failed = False

    def start(self) -> None:
        """Open the page."""
        self._input(self.session.open_page)

    def stop(self) -> None:
        """Close the page and release everything, at once. A second call changes nothing."""
        if self.session.is_open:
            self._input(self._leave)
        self._release()

    def _leave(self, now_s: float) -> None:
        for send in self._plan[self._next_send :]:
            at_s = self._load_begins_s + send.at_s
            self.session.skip_message(send.number, at_s, "load_ended", now_s)
        self._next_send = len(self._plan)
        self.session.close_page(now_s)

    # -- what the network says (called from the hub) --------------------------------------

    def link_opened(self, number: int) -> None:
        self._input(lambda now_s: self.session.socket_opened(number, now_s))

    def link_closed(self, number: int, code: int, reason: str) -> None:
        self._link = None
        self._input(lambda now_s: self.session.socket_closed(number, code, reason, now_s))

    def link_frame(self, number: int, data: bytes) -> None:
        # The hot path: no closure, and nothing to do after most frames.
        if self._failed:
            return
        try:
            self.session.frame_received(number, data, self._clock())
            if self.session.needs_attention:
                self._settle()
        except Exception as error:  # noqa: BLE001 - a crash is the rig's, and must be heard of
            self._crash(error)

    # -- the loop -------------------------------------------------------------------------

    def _input(self, feed: Callable[[float], None]) -> None:
        """One input, then all that follows from it."""
        if self._failed:
            return
        try:
            feed(self._clock())
            self._settle()
        except Exception as error:  # noqa: BLE001 - a crash is the rig's, and must be heard of
            self._crash(error)

    def _settle(self) -> None:
        """Do what the session asked for, and have it woken in time."""
        for command in self.session.drain():
            self._run(command)
        self._arm()

    def _run(self, command: Command) -> None:
        match command:
            case SendFrame(socket, data):
                if self._link is not None and self._link.number == socket:
                    self._link.send_text(data)
            case StartRequest(request):
                self._requests[request] = gevent.spawn(self._perform, command)
            case AbortRequest(request):
                self._requests.pop(request).kill(block=False)
            case OpenSocket(socket, path):
                if self._link is not None:
                    self._link.drop()  # given up by the library, whatever TCP still thinks
                self._link = WebSocketLink(
                    self._loop,
                    self._realtime.address,
                    self._realtime.host,
                    path=path,
                    number=socket,
                    owner=self,
                )
            case CloseSocket(socket, code, reason):
                if self._link is not None and self._link.number == socket:
                    self._link.close(code, reason)

    def _perform(self, command: StartRequest) -> None:
        """The greenlet of one request."""
        request = command.request
        try:
            answer = self._http.request(command.method, command.path, command.body)
        except NoAnswer as failure:
            reason = str(failure)
            if self._requests.pop(request, None) is not None:
                self._input(lambda now_s: self.session.http_failed(request, reason, now_s))
            return
        except Exception as error:  # noqa: BLE001 - a crash is the rig's, and must be heard of
            self._requests.pop(request, None)
            self._crash(error)
            return
        if self._requests.pop(request, None) is None:
            return  # aborted when the answer was already here
        self._input(
            lambda now_s: self.session.http_answered(request, answer.status, answer.body, now_s)
        )

    # -- timers ---------------------------------------------------------------------------

    def _next_due_s(self) -> float:
        due_s = self.session.next_wake_s
        if self._next_send < len(self._plan):
            due_s = min(due_s, self._load_begins_s + self._plan[self._next_send].at_s)
        return due_s

    def _arm(self) -> None:
        """Have the timer fire no later than the next thing that is due."""
        due_s = self._next_due_s()
        if due_s >= self._armed_s:
            return
        self._disarm()
        if due_s == inf:
            return
        self._armed_s = due_s
        self._timer = self._loop.timer(max(0.0, due_s - self._clock()))
        self._timer.start(self._fired)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None
        self._armed_s = inf

    def _fired(self) -> None:
        self._disarm()
        self._input(self._due)

    def _due(self, now_s: float) -> None:
        while self._next_send < len(self._plan):
            send = self._plan[self._next_send]
            planned_s = self._load_begins_s + send.at_s
            if planned_s > now_s:
                break
            self._next_send += 1
            if planned_s >= self._load_ends_s:
                self.session.skip_message(send.number, planned_s, "load_ended", now_s)
            else:
                self.session.type_message(
                    send.number, send.client_msg_id, send.body, planned_s, now_s
                )
        if self.session.next_wake_s <= now_s:
            self.session.wake(now_s)

    # -- the end --------------------------------------------------------------------------

    def _crash(self, error: BaseException) -> None:
        """Our own code failed: the run is not to be trusted, and this user stops here."""
        self._failed = True
        self._release()
        self._on_crash(self._user, error)

    def _release(self) -> None:
        self._disarm()
        if self._link is not None:
            self._link.drop()
            self._link = None
        for greenlet in self._requests.values():
            greenlet.kill(block=False)
        self._requests.clear()
        self._http.close()
