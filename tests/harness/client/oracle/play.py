"""Plays ``scenarios.json`` into our client, as ``trace.mjs`` does into the genuine one."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, Literal

import msgspec

from harness.client.channel import TIMED_OUT_AFTER_ITS_END
from harness.client.commands import CloseSocket, Command, OpenSocket, SendFrame, StartRequest
from harness.client.heartbeat import Worker
from harness.client.library import Library
from harness.client.policy import Policy
from harness.client.session import Identity, Session
from harness.client.token_refresh import Stored, TokenStore
from harness.records import (
    ChannelChanged,
    Delivery,
    Event,
    Fate,
    Finding,
    Path,
    SignedOut,
    TokenRefreshed,
)
from harness.wire import phoenix
from harness.wire.changes import MessageRow
from harness.wire.phoenix import Frame, decode, encode_from_server

Bindings = Literal["same", "other", "fewer", "null", "none", "more"]
Line = tuple[Any, ...]
"""One line of a trace: the time in ms, what happened, and what it happened with."""


class Step(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Something that happens around the library."""

    at_ms: int
    do: str
    socket: int | None = None
    """The latest where there is none."""
    code: int = 1006
    to: str = ""
    back: int = 0
    """0 for the latest frame of its kind, 1 for the one before it, and so on."""
    event: str = ""
    topic: str | None = None
    refless: bool = False
    value: str = ""
    line: Network | None = None


class Network(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What sockets and the server do by themselves; None: nothing."""

    opens_after_ms: int | None = None
    refuses_after_ms: int | None = None
    closes_after_ms: int | None = None
    join_after_ms: int | None = None
    join_status: str = "ok"
    bindings: Bindings = "same"
    """Which the answer to a join names."""
    beat_after_ms: int | None = None
    auth_after_ms: int | None = None
    auth_status: int = 200
    """0: the connection breaks."""
    auth_body: str | None = None
    """Instead of a session."""
    auth_lifetime_s: int = 3600


class Scenario(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    name: str
    until_ms: int
    token_ends_s: int | None = None
    """There is an auth-js, whose stored access token ends then; None: the token is the test's."""
    recreate_ms: int | None = None
    """The app makes a channel that ended anew after so long, then twice as long, up to 30 s."""
    worker: Worker = "none"
    """Whether the page has a worker count its heartbeats, and what becomes of it."""
    line: Network
    steps: list[Step]


OK: dict[str, Any] = {"status": "ok", "response": {}}
STATUSES = {
    "subscribed": "SUBSCRIBED",
    "errored": "CHANNEL_ERROR",
    "timed_out": "TIMED_OUT",
    "closed": "CLOSED",
}
"""As the app hears them; the other records of a channel are not told to it."""


@dataclass
class _Fake:
    """A socket as its server and the cable see it."""

    is_open: bool = False
    is_closing: bool = False
    is_closed: bool = False


class _Logged(list[Command]):
    """The session's commands, seen at the moment they are given."""

    def __init__(self, see: Callable[[Command], None]) -> None:
        super().__init__()
        self._see = see

    def append(self, command: Command) -> None:
        self._see(command)


@dataclass
class Player:
    """One scenario in our client; :attr:`trace` is what ``trace.mjs`` would print of it."""

    scenario: Scenario
    library: Library
    trace: list[Line] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now_s = 0.0
        self.line = self.scenario.line
        self.sockets: list[_Fake] = []
        self.sent: list[Frame] = []
        self.refs: dict[str, int] = {}
        self._happenings: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._tokens = 0
        ends_s = self.scenario.token_ends_s
        self.ours = Session(
            Identity(
                user=1,
                user_id="1",
                webinar=42,
                cohort="all-users",
                seed=0,
                api_key="key",
                token="first",
                library=self.library,
                worker_refused=self.scenario.worker == "refused",
            ),
            Policy(
                name="oracle",
                recreate_channel=self.scenario.recreate_ms is not None,
                recreate_delay_s=(self.scenario.recreate_ms or 0) / 1000,
                heartbeat_worker=self.scenario.worker != "none",
                fallback=False,
            ),
            self,
            None if ends_s is None else TokenStore(Stored("first", "refresh-0", ends_s)),
        )
        self.ours._effects.commands = _Logged(self._commanded)
        self._page_is_open = False

    def play(self) -> list[Line]:
        for step in self.scenario.steps:
            self._later(step.at_ms, partial(self._take, step))
        until_s = self.scenario.until_ms / 1000 + 1e-9
        while True:
            happens_s = self._happenings[0][0] if self._happenings else float("inf")
            wakes_s = self.ours.next_wake_s
            if min(happens_s, wakes_s) > until_s:
                return self.trace
            if happens_s <= wakes_s + 1e-9:
                self.now_s, _, happen = heapq.heappop(self._happenings)
                happen()
            else:
                self.now_s = wakes_s
                self.ours.wake(wakes_s)

    # -- what our client does --------------------------------------------------------------

    def event(self, event: Event) -> None:
        if isinstance(event, ChannelChanged) and event.status in STATUSES:
            self._log("status", STATUSES[event.status])
        elif isinstance(event, TokenRefreshed):
            self._log("auth", "TOKEN_REFRESHED")
        elif isinstance(event, SignedOut):
            self._log("auth", "SIGNED_OUT")
        elif isinstance(event, Finding) and event.what == TIMED_OUT_AFTER_ITS_END:
            self._log("status", "TIMED_OUT")

    def delivery(self, t_s: float, user: int, row: MessageRow, path: Path, fate: Fate) -> None:
        raise AssertionError(Delivery(t_s, user, row.id, path, fate))

    def _commanded(self, command: Command) -> None:
        match command:
            case OpenSocket(socket, path):
                self.sockets.append(_Fake())
                self._log("socket", socket, path)
                if self.line.opens_after_ms is not None:
                    self._after(self.line.opens_after_ms, lambda: self._opens(socket))
                if self.line.refuses_after_ms is not None:
                    self._after(self.line.refuses_after_ms, lambda: self._ends(socket, 1006))
            case CloseSocket(socket, code, reason):
                self.sockets[socket - 1].is_closing = True
                self._log("close", socket, code, reason)
                if self.line.closes_after_ms is not None:
                    self._after(self.line.closes_after_ms, lambda: self._ends(socket, code or 1005))
            case SendFrame(socket, data):
                self._sent(socket, decode(data, "2.0.0"))
            case StartRequest(request, to="project", body=bytes(body)):
                self._log("refresh", msgspec.json.decode(body)["refresh_token"])
                if self.line.auth_after_ms is not None:
                    self._after(self.line.auth_after_ms, partial(self._auth, request, self.line))

    def _sent(self, socket: int, frame: Frame) -> None:
        self.sent.append(frame)
        token = msgspec.json.decode(frame.payload).get("access_token")
        refs = (self._relative(frame.join_ref), self._relative(frame.ref))
        self._log("frame", socket, frame.event, frame.topic, *refs, token)
        waits_ms = {"phx_join": self.line.join_after_ms, "heartbeat": self.line.beat_after_ms}
        wait_ms = waits_ms.get(frame.event)
        if wait_ms is not None:
            content = self._join_reply(frame) if frame.event == "phx_join" else OK
            self._after(wait_ms, lambda: self._replies(socket, frame, content))

    def _join_reply(self, join: Frame) -> dict[str, Any]:
        """What the server answers: the bindings asked for, or as the line says, others."""
        if self.line.join_status != "ok":
            return {"status": "error", "response": {"reason": "no"}}
        asked = msgspec.json.decode(join.payload)["config"]["postgres_changes"]
        told: dict[Bindings, Any] = {
            "same": asked,
            "other": [{**one, "filter": f"{one['filter']}0"} for one in asked],
            "fewer": [],
            "null": None,
            "more": [*asked, {"event": "DELETE", "schema": "public", "table": "messages"}],
        }
        named = self.line.bindings
        return {**OK, "response": {} if named == "none" else {"postgres_changes": told[named]}}

    def _auth(self, request: int, line: Network) -> None:
        if line.auth_status == 0:
            self.ours.http_failed(request, "network", self.now_s)
            return
        self._tokens += 1
        session = {
            "access_token": f"token-{self._tokens}",
            "refresh_token": f"refresh-{self._tokens}",
            "expires_in": line.auth_lifetime_s,
            "expires_at": round(self.now_s * 1000) // 1000 + line.auth_lifetime_s,
        }
        body = msgspec.json.encode(session) if line.auth_body is None else line.auth_body.encode()
        self.ours.http_answered(request, line.auth_status, body, self.now_s)

    def _relative(self, ref: str | None) -> int | str | None:
        return self.refs.setdefault(ref, len(self.refs) + 1) if ref else ref

    def _log(self, *what: Any) -> None:
        self.trace.append((round(self.now_s * 1000), *what))

    # -- what happens around it ------------------------------------------------------------

    def _later(self, at_ms: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._happenings, (at_ms / 1000, next(self._order), happen))

    def _after(self, wait_ms: int, happen: Callable[[], None]) -> None:
        self._later(round(self.now_s * 1000) + wait_ms, happen)

    def _take(self, step: Step) -> None:
        socket = step.socket or len(self.sockets)
        match step.do:
            case "subscribe" if not self._page_is_open:
                self._page_is_open = True
                self.ours.open_page(self.now_s)
            case "subscribe":
                self.ours._realtime.connect(self.now_s)
            case "unsubscribe":
                self.ours._realtime.unsubscribe(self.now_s)
            case "token":
                self.ours.renew_token(step.value, self.now_s)
            case "close":
                self._ends(socket, step.code)
            case "reply":
                self._replies(socket, self._frame(step.to, step.back), OK)
            case "ends_channel" if not any(one.event == "phx_join" for one in self.sent):
                pass
            case "ends_channel":
                join = self._frame("phx_join", step.back)
                own = None if step.refless else join.ref
                topic = step.topic or join.topic
                self._receives(socket, Frame(own, own, topic, step.event, phoenix.EMPTY))
            case "line":
                assert step.line is not None
                self.line = step.line
            case page_event:
                self._page(page_event)

    def _page(self, event: str) -> None:
        match event:
            case "hide" | "show":
                self.ours.set_visible(event == "show", self.now_s)
            case "pagehide":
                self.ours.page_hidden(self.now_s)
            case "pageshow":
                self.ours.page_shown(self.now_s)
            case _:
                raise AssertionError(event)

    def _frame(self, event: str, back: int) -> Frame:
        return [frame for frame in self.sent if frame.event == event][-1 - back]

    def _opens(self, socket: int) -> None:
        fake = self.sockets[socket - 1]
        if not (fake.is_closing or fake.is_closed):
            fake.is_open = True
            self.ours.socket_opened(socket, self.now_s)

    def _ends(self, socket: int, code: int) -> None:
        fake = self.sockets[socket - 1]
        if not fake.is_closed:
            fake.is_closed, fake.is_open = True, False
            self.ours.socket_closed(socket, code, "", self.now_s)

    def _replies(self, socket: int, frame: Frame, content: dict[str, Any]) -> None:
        answer = Frame(
            frame.join_ref, frame.ref, frame.topic, "phx_reply", phoenix.payload(content)
        )
        self._receives(socket, answer)

    def _receives(self, socket: int, frame: Frame) -> None:
        fake = self.sockets[socket - 1]
        if fake.is_open and not fake.is_closing:
            self.ours.frame_received(socket, encode_from_server(frame, "2.0.0"), self.now_s)
