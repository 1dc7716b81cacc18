"""One person and their page on real sockets and timers, under gevent.

Inputs come from three sides: WebSocket watchers and timers (in the hub) and HTTP greenlets. A
session never yields, so each input runs whole, whoever brings it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import inf

import gevent

from harness.client.browser import Browser
from harness.client.commands import (
    AbortRequest,
    CloseSocket,
    Command,
    OpenSocket,
    SendFrame,
    ShowFailure,
    StartRequest,
    UseToken,
)
from harness.client.session import Session
from harness.clock import Clock
from harness.drivers.http_pool import Answer, HttpPool
from harness.drivers.person import Person
from harness.drivers.requests import Requests
from harness.drivers.sockets import ABNORMAL_CLOSURE, Endpoint, Sockets
from harness.drivers.timer_wheel import TimerWheel
from harness.drivers.timetable import Retry, Timetable
from harness.errors import LocalProtocolError
from harness.records import CLOSED_BY_EXTENSION, PageEnd
from harness.runsettings import MeddlingKind, MoveKind, PlannedAct, PlannedSend

Feed = Callable[[float], object]
"""An input for the session, with the time."""


class UserDriver:
    """Drives one person and their page from :meth:`start` to :meth:`stop`."""

    __slots__ = (
        "_another_page",
        "_armed_s",
        "_arrives_late",
        "_browser",
        "_clock",
        "_failed",
        "_held",
        "_load_ends_s",
        "_on_crash",
        "_person",
        "_put_away_s",
        "_requests",
        "_sockets",
        "_started",
        "_timetable",
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
        self._timetable = Timetable(plan, acts, begins_s=load_begins_s)
        self._arrives_late = bool(acts) and acts[0].act == "arrive"
        self._another_page = another_page
        """Makes the session of a page that is opened anew; needed where ``acts`` come back."""
        self._person = Person()
        self._started = False
        self._sockets = Sockets(gevent.get_hub().loop, realtime, browser, self)
        self._requests = Requests(http, project_http, self)
        self._browser = browser
        self._load_ends_s = load_ends_s
        self._clock = clock
        self._on_crash = on_crash
        self._held: list[Feed] = []
        """What has come for a page that is frozen, in order. The server ends the socket of a page
        that sends no heartbeat, which bounds it."""
        self._put_away_s = inf
        """When the page went into the back/forward cache."""
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
        for send, planned_s in self._timetable.give_up():
            self.session.skip_message(send.number, planned_s, "load_ended", now_s)
        self.session.close_page(now_s)

    # -- what the network says (called from the hub) --------------------------------------

    def link_opened(self, number: int) -> None:
        self._hears(lambda now_s: self.session.socket_opened(number, now_s))

    def link_closed(self, number: int, code: int, reason: str) -> None:
        self._sockets.ended(number)
        self._hears(lambda now_s: self.session.socket_closed(number, code, reason, now_s))

    def link_frame(self, number: int, data: bytes) -> None:
        # The hot path: no closure, and nothing to do after most frames.
        if self._failed:
            return
        if self._person.is_page_frozen:
            self._held.append(partial(self.session.frame_received, number, data))
            return
        try:
            self.session.frame_received(number, data, self._clock())
            if self.session.needs_attention:
                self._settle()
        except Exception as error:  # noqa: BLE001 - a crash is the rig's, and must be heard of
            self._crash(error)

    # -- what becomes of its requests (called from their greenlets) -----------------------

    def request_answered(self, number: int, answer: Answer) -> None:
        self._hears(
            lambda now_s: self.session.http_answered(number, answer.status, answer.body, now_s)
        )

    def request_failed(self, number: int, reason: str) -> None:
        self._hears(lambda now_s: self.session.http_failed(number, reason, now_s))

    def request_repeated(self, number: int) -> None:
        self.session.request_repeated(number, self._clock())

    def request_crashed(self, error: BaseException) -> None:
        self._crash(error)

    # -- the loop -------------------------------------------------------------------------

    def _hears(self, feed: Feed) -> None:
        """Something comes for the page: now, or when it runs again."""
        if self._person.is_page_frozen:
            self._held.append(feed)
        else:
            self._input(feed)

    def _input(self, feed: Feed) -> None:
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
        self._obey()
        self._arm()

    def _obey(self) -> None:
        for command in self.session.drain():
            self._run(command)

    def _run(self, command: Command) -> None:
        match command:
            case SendFrame(socket, data):
                self._sockets.send(socket, data)
            case StartRequest():
                self._requests.start(command, has_network=self._person.has_network)
            case AbortRequest(request):
                self._requests.abort(request)
            case OpenSocket(socket, path):
                self._sockets.open(socket, path, has_network=self._person.has_network)
            case UseToken(token):
                self._requests.use_token(token)
            case CloseSocket(socket, code, reason):
                self._sockets.close(socket, code, reason)
            case ShowFailure():
                self._timetable.failed(command, self._clock())

    # -- timers ---------------------------------------------------------------------------

    def _next_due_s(self) -> float:
        due_s = self._timetable.next_step_s
        if self._person.why_not is None:
            due_s = min(due_s, self._timetable.next_retry_s)
        if not self._is_page_stopped:
            due_s = min(due_s, self.session.next_wake_s)
        return due_s

    @property
    def _is_page_stopped(self) -> bool:
        """None of its timers runs."""
        return self._person.is_asleep or self._person.is_page_frozen

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
        while (due := self._timetable.pop_step(now_s)) is not None:
            step, planned_s = due
            if isinstance(step, PlannedAct):
                self.session.note_act(step, planned_s, now_s)
                self._act(step, now_s)
            else:
                self._send(step, planned_s, now_s)
        while self._person.why_not is None and (retry := self._timetable.pop_retry(now_s)):
            self._retry(retry, now_s)
        if self.session.next_wake_s <= now_s and not self._is_page_stopped:
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

    def _retry(self, retry: Retry, now_s: float) -> None:
        """Press "send again", unless the load is over; the page looks whether it still can."""
        if now_s < self._load_ends_s:
            send = retry.send
            self.session.send_again(
                send.number,
                send.client_msg_id,
                send.body,
                attempt=retry.attempt,
                planned_s=self._timetable.moment_of(send),
                now_s=now_s,
            )

    def _act(self, step: PlannedAct, now_s: float) -> None:
        match step.act:
            case "arrive":
                self._arrive(now_s)
            case "come_back":
                self._person.does("arrive")
                self._open_anew(now_s)
            case "hide_message" | "delete_message":
                if self._person.why_not is None:
                    self.session.moderate(step.act, now_s)
            case (
                "block_sockets" | "unblock_sockets" | "cut_sockets" | "break_posts" | "spare_posts"
            ):
                self._meddle(step.act, now_s)
            case _:
                self._person.does(step.act)
                self._moves(step.act, now_s)

    def _moves(self, act: MoveKind, now_s: float) -> None:
        match act:
            case "hide":
                self.session.set_visible(False, now_s)
            case "show" if not self.session.is_open:  # discarded meanwhile
                self._open_anew(now_s)
            case "show":
                self.session.set_visible(True, now_s)
                self._thaw(now_s)
            case "discard":
                self._lose_page("discarded", now_s)
            case "navigate_away":
                self._navigate_away(now_s)
            case "navigate_back":
                self._navigate_back(now_s)
            case "go_offline":
                self._lose_network(now_s)
                self.session.set_online(False, now_s)
            case "go_online":
                self._sockets.resume()
                self.session.set_online(True, now_s)
            case "switch_network":
                self._sockets.strand()
                self.session.set_online(True, now_s)
            case "close_lid":
                self.session.set_visible(False, now_s)
                self.session.set_online(False, now_s)
                self._fall_asleep()
            case "open_lid":
                self._wake_up(now_s)
            case "leave":
                self._leave(now_s)

    def _meddle(self, act: MeddlingKind, now_s: float) -> None:
        """Something in the browser gets between the page and its connections. Where the machine
        sleeps, it sleeps too."""
        match act:
            case "block_sockets" | "unblock_sockets":
                self._sockets.block(act == "block_sockets")
            case "break_posts" | "spare_posts":
                self._requests.break_posts(act == "break_posts")
            case "cut_sockets" if not self._person.is_asleep:
                for number in self._sockets.cut():
                    ended = (number, ABNORMAL_CLOSURE, CLOSED_BY_EXTENSION)
                    if self._person.is_page_frozen:
                        self._held.append(partial(self.session.socket_closed, *ended))
                    else:
                        self.session.socket_closed(*ended, now_s)

    def _arrive(self, now_s: float) -> None:
        self._person.does("arrive")
        self.session.open_page(now_s)

    def _open_anew(self, now_s: float) -> None:
        if self._another_page is None:
            raise LocalProtocolError("a person comes back, and nothing makes another page")
        self.session = self._another_page()
        self.session.open_page(now_s)

    # Chromium's order of events is pagehide, visibilitychange, freeze, and on return resume,
    # visibilitychange, pageshow (WebViewImpl::SetPageLifecycleStateInternal).

    def _navigate_away(self, now_s: float) -> None:
        self.session.page_hidden(now_s)
        self._obey()
        is_kept = self._browser.bfcache_with_socket or not self._sockets.is_one_wanted
        if self._browser.bfcache_s == 0 or not is_kept:
            self._lose_page("navigated", now_s)
            return
        self.session.set_visible(False, now_s)
        self._put_away_s = now_s
        for number in self._sockets.leave():
            why = "cut for the back/forward cache"
            self._held.append(partial(self.session.socket_closed, number, ABNORMAL_CLOSURE, why))

    def _navigate_back(self, now_s: float) -> None:
        if self.session.is_open and now_s - self._put_away_s > self._browser.bfcache_s:
            self._lose_page("evicted", now_s)
        if not self.session.is_open:
            self._open_anew(now_s)
            return
        self.session.set_visible(True, now_s)
        self.session.page_shown(now_s)
        self._thaw(now_s)

    def _thaw(self, now_s: float) -> None:
        """The page runs again: first what has waited for it, then the timers that are overdue."""
        held, self._held = self._held, []
        for feed in held:
            self._obey()
            feed(now_s)

    def _lose_page(self, end: PageEnd, now_s: float) -> None:
        self._obey()
        self.session.page_lost(end, now_s)
        self._sockets.leave()
        self._forget_page()

    def _lose_network(self, now_s: float) -> None:
        """Requests under way fail, kept connections are flushed; an open WebSocket only falls
        silent (Chrome's ``ERR_NETWORK_CHANGED``; docs/browsers.md)."""
        self._sockets.pause()
        self._fail_requests("network changed", now_s)

    def _fall_asleep(self) -> None:
        """Nothing reaches the page, and it hears of nothing before the lid opens."""
        self._sockets.suspend()
        self._requests.suspend()

    def _wake_up(self, now_s: float) -> None:
        """The laptop was closed: whatever was connected is not any more."""
        number = self._sockets.in_use
        self._sockets.drop()
        if number is not None:
            self.session.socket_closed(number, ABNORMAL_CLOSURE, "suspended", now_s)
        self._fail_requests("suspended", now_s)
        self.session.set_online(True, now_s)
        self.session.set_visible(True, now_s)

    def _leave(self, now_s: float) -> None:
        self.session.close_page(now_s)
        self._obey()  # this session's own, before another takes over
        self._sockets.drop()
        self._forget_page()

    def _forget_page(self) -> None:
        """Nothing that still comes for it counts."""
        self._requests.drop()
        self._held.clear()
        self._timetable.forget_failures()

    def _fail_requests(self, reason: str, now_s: float) -> None:
        for request in self._requests.drop():
            self.session.http_failed(request, reason, now_s)

    # -- the end --------------------------------------------------------------------------

    def _crash(self, error: BaseException) -> None:
        """Our own code failed: the run is not to be trusted, and this user stops here."""
        self._failed = True
        self._release()
        self._on_crash(self._user, error)

    def _release(self) -> None:
        self._disarm()
        self._sockets.drop()
        self._requests.drop()
