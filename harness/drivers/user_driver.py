"""One person and their page on real sockets and timers, under gevent.

Inputs come from three sides: WebSocket watchers and timers (in the hub) and HTTP greenlets. A
session never yields, so each input runs whole, whoever brings it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import gevent

from harness.client.browser import Browser
from harness.client.commands import (
    AbortRequest,
    CloseSocket,
    Command,
    OpenSocket,
    SendFrame,
    StartRequest,
    UseToken,
)
from harness.client.session import Session
from harness.clock import Clock
from harness.drivers.http_pool import HttpPool, NoAnswer
from harness.drivers.person import Person
from harness.drivers.timer_wheel import TimerWheel
from harness.drivers.websocket_link import Address, WebSocketLink
from harness.errors import LocalProtocolError
from harness.runsettings import MoveKind, PlannedAct, PlannedSend

ABNORMAL_CLOSURE = 1006
"""What a page sees of a socket that ended without a Close frame (RFC 6455, 7.1.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a cohort's clients connect: its own proxy, or the server itself."""

    address: Address
    host: str


class UserDriver:
    """Drives one person and their page from :meth:`start` to :meth:`stop`."""

    __slots__ = (
        "_another_page",
        "_armed_s",
        "_arrives_late",
        "_browser",
        "_clock",
        "_failed",
        "_http",
        "_lingering",
        "_link",
        "_load_begins_s",
        "_load_ends_s",
        "_loop",
        "_next_step",
        "_on_crash",
        "_person",
        "_project",
        "_project_http",
        "_realtime",
        "_requests",
        "_started",
        "_steps",
        "_user",
        "_wheel",
        "session",
    )

    def __init__(
        self,
        user: int,
        session: Session,
        plan: Sequence[PlannedSend],
        *,
        acts: Sequence[PlannedAct] = (),
        another_page: Callable[[], Session] | None = None,
        realtime: Endpoint,
        http: HttpPool,
        project_http: Callable[[], HttpPool] | None = None,
        browser: Browser,
        wheel: TimerWheel,
        load_begins_s: float,
        load_ends_s: float,
        clock: Clock,
        on_crash: Callable[[int, BaseException], None],
    ) -> None:
        self.session = session
        self._user = user
        # An act goes before a send of the same moment: sorting is stable.
        self._steps: list[PlannedAct | PlannedSend] = sorted([*acts, *plan], key=_at_s)
        self._next_step = 0
        self._arrives_late = bool(acts) and acts[0].act == "arrive"
        self._another_page = another_page
        """Makes the session of a page that is opened anew; needed where ``acts`` come back."""
        self._person = Person()
        self._started = False
        self._realtime = realtime
        self._http = http
        self._project_http = project_http
        """Makes the connections to the project's gateway (Auth), for the few who need any."""
        self._project: HttpPool | None = None
        self._browser = browser
        self._load_begins_s = load_begins_s
        self._load_ends_s = load_ends_s
        self._clock = clock
        self._on_crash = on_crash
        self._loop: Any = gevent.get_hub().loop
        self._link: WebSocketLink | None = None
        self._lingering: list[WebSocketLink] = []
        """Given up by the library; the browser still waits for the answer to their Close frames."""
        self._requests: dict[int, Any] = {}
        """The greenlet of each request without an answer yet."""
        self._wheel = wheel
        self._armed_s = inf
        self._failed = False

    def start(self) -> None:
        """Open the page, unless the person arrives later."""
        self._started = True
        self._input(self._due if self._arrives_late else self._arrive)

    def stop(self) -> None:
        """Close the page and release everything, at once. A second call changes nothing."""
        if self._started:
            self._started = False
            self._input(self._end)
        self._release()

    def _end(self, now_s: float) -> None:
        for step in self._steps[self._next_step :]:
            if isinstance(step, PlannedSend):
                at_s = self._load_begins_s + step.at_s
                self.session.skip_message(step.number, at_s, "load_ended", now_s)
        self._next_step = len(self._steps)
        self.session.close_page(now_s)

    # -- what the network says (called from the hub) --------------------------------------

    def link_opened(self, number: int) -> None:
        self._input(lambda now_s: self.session.socket_opened(number, now_s))

    def link_closed(self, number: int, code: int, reason: str) -> None:
        if self._link is not None and self._link.number == number:
            self._link = None
        else:
            self._lingering = [link for link in self._lingering if link.number != number]
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
                self._open_socket(socket, path)
            case UseToken(token):
                self._http.use_token(token)
            case CloseSocket(socket, code, reason):
                if self._link is not None and self._link.number == socket:
                    self._link.close(code, reason)

    def _open_socket(self, number: int, path: str) -> None:
        if self._link is not None:
            # Given up by the library, whatever TCP still thinks.
            if self._link.is_closing:
                self._lingering.append(self._link)
            else:
                self._link.drop()
            self._link = None
        refused = "offline" if not self._person.has_network else ""
        if self._browser.websocket == "refused":
            refused = "refused in the browser"
        if refused:
            self._loop.run_callback(self.link_closed, number, ABNORMAL_CLOSURE, refused)
            return
        self._link = WebSocketLink(
            self._loop,
            self._realtime.address,
            self._realtime.host,
            path=path,
            number=number,
            owner=self,
            browser=self._browser,
        )

    def _perform(self, command: StartRequest) -> None:
        """The greenlet of one request."""
        request = command.request
        try:
            if not self._person.has_network:
                raise NoAnswer("offline")
            answer = self._pool_of(command).request(
                command.method,
                command.path,
                command.body,
                lambda: self.session.request_repeated(request, self._clock()),
            )
        except NoAnswer as failure:
            reason = str(failure)
            if self._is_waited_for(request):
                self._input(lambda now_s: self.session.http_failed(request, reason, now_s))
            return
        except Exception as error:  # noqa: BLE001 - a crash is the rig's, and must be heard of
            self._requests.pop(request, None)
            self._crash(error)
            return
        if not self._is_waited_for(request):
            return
        self._input(
            lambda now_s: self.session.http_answered(request, answer.status, answer.body, now_s)
        )

    def _pool_of(self, command: StartRequest) -> HttpPool:
        if command.to == "api":
            return self._http
        if self._project is None:
            if self._project_http is None:
                raise LocalProtocolError("a page asks Auth, and nothing connects to it")
            self._project = self._project_http()
        return self._project

    def _is_waited_for(self, request: int) -> bool:
        """Whether the page still waits for what this greenlet has, and strike it off if so. Not
        where it was aborted when the answer was already here; another page counts anew."""
        if self._requests.get(request) is not gevent.getcurrent() or self._person.is_asleep:
            return False
        del self._requests[request]
        return True

    # -- timers ---------------------------------------------------------------------------

    def _next_due_s(self) -> float:
        due_s = inf if self._person.is_asleep else self.session.next_wake_s
        if self._next_step < len(self._steps):
            due_s = min(due_s, self._load_begins_s + self._steps[self._next_step].at_s)
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
        self._wheel.call_at(due_s, self._fired)

    def _disarm(self) -> None:
        if self._armed_s != inf:
            self._wheel.cancel(self._armed_s, self._fired)
        self._armed_s = inf

    def _fired(self) -> None:
        self._armed_s = inf
        self._input(self._due)

    def _due(self, now_s: float) -> None:
        while self._next_step < len(self._steps):
            step = self._steps[self._next_step]
            planned_s = self._load_begins_s + step.at_s
            if planned_s > now_s:
                break
            self._next_step += 1
            if isinstance(step, PlannedAct):
                self.session.note_act(step.number, step.act, planned_s, now_s)
                self._act(step, now_s)
            else:
                self._send(step, planned_s, now_s)
        if self.session.next_wake_s <= now_s and not self._person.is_asleep:
            self.session.wake(now_s)

    # -- what the person does -------------------------------------------------------------

    def _send(self, send: PlannedSend, planned_s: float, now_s: float) -> None:
        why_not = self._person.why_not
        if planned_s >= self._load_ends_s:
            why_not = "load_ended"
        if why_not is not None:
            self.session.skip_message(send.number, planned_s, why_not, now_s)
            return
        self.session.type_message(send.number, send.client_msg_id, send.body, planned_s, now_s)

    def _act(self, step: PlannedAct, now_s: float) -> None:
        match step.act:
            case "arrive":
                self._arrive(now_s)
            case "come_back":
                self._open_anew()
                self._arrive(now_s)
            case "hide_message" | "delete_message":
                if self._person.why_not is None:
                    self.session.moderate(step.act, now_s)
            case _:
                self._person.does(step.act)
                self._moves(step.act, now_s)

    def _moves(self, act: MoveKind, now_s: float) -> None:
        match act:
            case "hide" | "show":
                self.session.set_visible(act == "show", now_s)
            case "go_offline":
                self._lose_network(now_s)
                self.session.set_online(False, now_s)
            case "go_online":
                for link in self._links():
                    link.resume()
                self.session.set_online(True, now_s)
            case "switch_network":
                for link in self._links():
                    link.strand()
                self.session.set_online(True, now_s)
            case "close_lid":
                self.session.set_visible(False, now_s)
                self.session.set_online(False, now_s)
                self._fall_asleep()
            case "open_lid":
                self._wake_up(now_s)
            case "leave":
                self._leave(now_s)

    def _arrive(self, now_s: float) -> None:
        self._person.does("arrive")
        self.session.open_page(now_s)

    def _open_anew(self) -> None:
        if self._another_page is None:
            raise LocalProtocolError("a person comes back, and nothing makes another page")
        self.session = self._another_page()

    def _lose_network(self, now_s: float) -> None:
        """Requests under way fail, kept connections are flushed; an open WebSocket only falls
        silent (Chrome's ``ERR_NETWORK_CHANGED``: spec/realtime.md, 5.3)."""
        for link in self._links():
            link.pause()
        self._fail_requests("network changed", now_s)

    def _fall_asleep(self) -> None:
        """Nothing reaches the page, and it hears of nothing before the lid opens; so the requests
        stay on the list of those that it waits for."""
        for link in self._links():
            link.suspend()
        for greenlet in self._requests.values():
            greenlet.kill(block=False)

    def _wake_up(self, now_s: float) -> None:
        """The laptop was closed: whatever was connected is not any more."""
        lost = self._link
        self._drop_links()
        if lost is not None:
            number = lost.number
            self.session.socket_closed(number, ABNORMAL_CLOSURE, "suspended", now_s)
        self._fail_requests("suspended", now_s)
        self.session.set_online(True, now_s)
        self.session.set_visible(True, now_s)

    def _leave(self, now_s: float) -> None:
        self.session.close_page(now_s)
        for command in self.session.drain():  # this session's own, before another takes over
            self._run(command)
        self._drop_connections()

    def _fail_requests(self, reason: str, now_s: float) -> None:
        cut = dict(self._requests)
        self._drop_requests()
        for request in cut:
            self.session.http_failed(request, reason, now_s)

    # -- the end --------------------------------------------------------------------------

    def _crash(self, error: BaseException) -> None:
        """Our own code failed: the run is not to be trusted, and this user stops here."""
        self._failed = True
        self._release()
        self._on_crash(self._user, error)

    def _release(self) -> None:
        self._disarm()
        self._drop_connections()

    def _drop_connections(self) -> None:
        self._drop_links()
        self._drop_requests()

    def _links(self) -> list[WebSocketLink]:
        return [*self._lingering, *([] if self._link is None else [self._link])]

    def _drop_links(self) -> None:
        for link in self._links():
            link.drop()
        self._link = None
        self._lingering = []

    def _drop_requests(self) -> None:
        for greenlet in self._requests.values():
            greenlet.kill(block=False)
        self._requests.clear()
        self._http.close()
        if self._project is not None:
            self._project.close()


def _at_s(step: PlannedAct | PlannedSend) -> float:
    return step.at_s
