"""One session under manual time: what a test does to a page, and what the page did.

A :class:`Page` plays everything around the session: the person, the socket, the server's
answers and the clock. Nothing happens by itself; :meth:`Page.wait` runs the timers that come due
on the way, each at its own moment, as a driver does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from harness.client.commands import (
    AbortRequest,
    CloseSocket,
    Command,
    OpenSocket,
    SendFrame,
    StartRequest,
    UseToken,
)
from harness.client.library import CURRENT, Library
from harness.client.policy import Policy
from harness.client.session import Identity, Session
from harness.client.throttling import Throttling
from harness.client.token_refresh import LOOK_S, TokenStore
from harness.records import Delivery, Event, Fate, Finding, Path
from harness.runsettings import ModerationKind
from harness.wire.api import CREATE_PATH, CreateAnswer, ListAnswer
from harness.wire.changes import ChangeData, ChangePayload, MessageRow
from harness.wire.phoenix import Frame, Vsn, decode, encode_from_server, payload

ROOM = 42
TOPIC = f"realtime:webinar-{ROOM}"
ME = "11111111-1111-4111-8111-111111111111"
SOMEONE = "99999999-9999-4999-8999-999999999999"
TOKEN = "my token"
PLAN = Policy(name="plan")
HARDENED = Policy(
    name="hardened", poll_on_release=True, poll_on_subscribed=True, cursor="confirmed"
)

Kind = TypeVar("Kind")


def message_id(number: int) -> str:
    """The ``client_msg_id`` of a test's message."""
    return f"22222222-2222-4222-8222-{number:012d}"


def row(
    row_id: int,
    *,
    by: str = SOMEONE,
    client_msg_id: str | None = None,
    body: str | None = None,
    hidden: bool = False,
) -> MessageRow:
    """A committed message of the room, someone else's unless said."""
    return MessageRow(
        id=row_id,
        webinar_id=ROOM,
        user_id=by,
        client_msg_id=client_msg_id or message_id(10_000 + row_id),
        body=f"message {row_id}" if body is None else body,
        hidden=hidden,
        created_at="2026-11-23T10:00:00+00:00",
    )


@dataclass
class ListSink:
    """Keeps the records of sessions, in order."""

    events: list[Event] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)

    def delivery(self, t_s: float, user: int, row: MessageRow, path: Path, fate: Fate) -> None:
        self.deliveries.append(Delivery(t_s, user, row.id, path, fate))

    def event(self, event: Event) -> None:
        self.events.append(event)


class Page:
    """One user's page. Commands are drained after every input and kept in order."""

    def __init__(
        self,
        policy: Policy = PLAN,
        *,
        vsn: Vsn = "2.0.0",
        seed: int = 7,
        user: int = 1,
        library: Library = CURRENT,
        throttling: Throttling | None = None,
        tokens: TokenStore | None = None,
        worker_refused: bool = False,
        token_look_s: float = LOOK_S,
    ) -> None:
        self.now_s = 0.0
        self.sink = ListSink()
        self.commands: list[Command] = []
        self.heartbeats_are_answered = False
        """Where a test waits for longer than a heartbeat's patience and means something else."""
        self._vsn: Vsn = vsn
        self._sends = 0
        identity = Identity(
            user=user,
            user_id=ME,
            webinar=ROOM,
            cohort="all",
            seed=seed,
            api_key="key",
            token=TOKEN,
            vsn=vsn,
            library=library,
            throttling=throttling,
            worker_refused=worker_refused,
            token_look_s=token_look_s,
        )
        self.session = Session(identity, policy, self.sink, tokens)

    # -- time -----------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Let time pass; timers run at the moments at which they are due."""
        until_s = self.now_s + seconds
        while (due_s := self.session.next_wake_s) <= until_s:
            self.now_s = max(self.now_s, due_s)
            beats = len(self.frames("heartbeat"))
            self.session.wake(self.now_s)
            self.drain()
            if self.heartbeats_are_answered and len(self.frames("heartbeat")) > beats:
                self.heartbeat_answered()
        self.now_s = until_s

    def drain(self) -> None:
        self.commands += self.session.drain()

    # -- the person -----------------------------------------------------------------------

    def opens(self) -> None:
        """The page loads; the room's history is empty, the socket is still connecting."""
        self.starts()
        self.answers_history()

    def starts(self) -> None:
        """The page loads; nothing is answered yet."""
        self.session.open_page(self.now_s)
        self.drain()

    def closes(self) -> None:
        self.session.close_page(self.now_s)
        self.drain()

    def types(self, number: int | None = None) -> str:
        """Types the next planned message and returns its ``client_msg_id``."""
        number = self._sends if number is None else number
        self._sends = number + 1
        key = message_id(number)
        self.session.type_message(number, key, "hello", self.now_s, self.now_s)
        self.drain()
        return key

    def sends_again(self, number: int, attempt: int = 2) -> None:
        """Presses the button on the failed bubble of a message that was typed before."""
        self.session.send_again(
            number,
            message_id(number),
            "hello",
            attempt=attempt,
            planned_s=0.0,
            now_s=self.now_s,
        )
        self.drain()

    def moderates(self, act: ModerationKind) -> None:
        self.session.moderate(act, self.now_s)
        self.drain()

    def visible(self, visible: bool) -> None:
        self.session.set_visible(visible, self.now_s)
        self.drain()

    def page_hides(self) -> None:
        """``pagehide``."""
        self.session.page_hidden(self.now_s)
        self.drain()

    def page_shows(self) -> None:
        """``pageshow``."""
        self.session.page_shown(self.now_s)
        self.drain()

    def online(self, online: bool) -> None:
        self.session.set_online(online, self.now_s)
        self.drain()

    def renews_token(self, token: str) -> None:
        self.session.renew_token(token, self.now_s)
        self.drain()

    # -- the socket -----------------------------------------------------------------------

    @property
    def socket(self) -> int:
        """The number of the latest attempt."""
        return self.all(OpenSocket)[-1].socket

    def socket_opens(self, socket: int | None = None) -> None:
        self.session.socket_opened(self.socket if socket is None else socket, self.now_s)
        self.drain()

    def socket_closes(self, code: int = 1006, *, socket: int | None = None) -> None:
        self.session.socket_closed(
            self.socket if socket is None else socket, code, "test", self.now_s
        )
        self.drain()

    def attempt_fails_after_its_wait(self) -> None:
        """Let the reconnect timer fire and the attempt fail at once."""
        before = self.socket
        for _ in range(10):  # no wait is longer than 10 s
            self.wait(1.0)
            if self.socket != before:
                break
        self.socket_closes()

    def raw(self, data: str | bytes, socket: int | None = None) -> None:
        """Any text comes over the socket."""
        self.session.frame_received(self.socket if socket is None else socket, data, self.now_s)
        self.drain()

    def frame(
        self,
        event: str,
        content: Any,
        *,
        join_ref: str | None = None,
        ref: str | None = None,
        topic: str = TOPIC,
        socket: int | None = None,
    ) -> None:
        """A frame comes from the server."""
        frame = Frame(join_ref, ref, topic, event, payload(content))
        self.raw(encode_from_server(frame, self._vsn), socket)

    @property
    def join_ref(self) -> str:
        """Of the latest join."""
        ref = self.frames("phx_join")[-1].ref
        assert ref is not None
        return ref

    def join_answered(self, status: str = "ok") -> None:
        ref = self.join_ref
        answer = {"status": status, "response": {}}
        self.frame("phx_reply", answer, join_ref=ref, ref=ref)

    def system(self, status: str = "ok", extension: str = "postgres_changes") -> None:
        content = {"status": status, "extension": extension, "message": "", "channel": "x"}
        self.frame("system", content, join_ref=self.join_ref)

    def channel_closed(self, ref: str | None = None) -> None:
        ref = ref or self.join_ref
        self.frame("phx_close", {}, join_ref=ref, ref=ref)

    def heartbeat_answered(self) -> None:
        ref = self.frames("heartbeat")[-1].ref
        self.frame("phx_reply", {"status": "ok", "response": {}}, ref=ref, topic="phoenix")

    def goes_live(self) -> None:
        """The socket opens, the join is answered, and rows flow."""
        self.socket_opens()
        self.join_answered()
        self.system()

    def receives(self, row: MessageRow, op: str = "INSERT") -> None:
        """A change of ``row`` comes over Realtime."""
        record = None if op == "DELETE" else row
        change = ChangePayload(ChangeData(op, record, {"id": row.id}), [1])
        self.frame("postgres_changes", msgspec.to_builtins(change))

    # -- HTTP -----------------------------------------------------------------------------

    def answers(self, request: StartRequest, body: bytes, status: int = 200) -> None:
        self.session.http_answered(request.request, status, body, self.now_s)
        self.drain()

    def fails(self, request: StartRequest, reason: str = "connection reset") -> None:
        self.session.http_failed(request.request, reason, self.now_s)
        self.drain()

    def answers_send(self, row: MessageRow, request: StartRequest | None = None) -> None:
        self.answers(request or self.sends[-1], encoded(CreateAnswer(True, row)))

    def answers_poll(self, rows: Sequence[MessageRow] = ()) -> None:
        self.answers(self.polls[-1], encoded(ListAnswer(True, list(rows))))

    def answers_history(self, rows: Sequence[MessageRow] = ()) -> None:
        self.answers(self.requests[0], encoded(ListAnswer(True, list(rows))))

    # -- what the page did ----------------------------------------------------------------

    def all(self, kind: type[Kind]) -> list[Kind]:
        """The commands of one type so far."""
        return [one for one in self.commands if isinstance(one, kind)]

    def events(self, kind: type[Kind]) -> list[Kind]:
        """The records of one type so far."""
        return [one for one in self.sink.events if isinstance(one, kind)]

    @property
    def requests(self) -> list[StartRequest]:
        """All HTTP requests so far; the first is the history."""
        return self.all(StartRequest)

    @property
    def findings(self) -> list[Finding]:
        return self.events(Finding)

    @property
    def sends(self) -> list[StartRequest]:
        return [one for one in self.requests if one.path == CREATE_PATH]

    @property
    def polls(self) -> list[StartRequest]:
        """Every read but the history, which is the first request of the page."""
        return [one for one in self.requests[1:] if one.method == "GET"]

    @property
    def renewals(self) -> list[StartRequest]:
        """What Auth was asked."""
        return [one for one in self.requests if one.to == "project"]

    @property
    def bearers(self) -> list[str]:
        """The tokens that requests carried, one after the other."""
        return [one.token for one in self.all(UseToken)]

    @property
    def aborted(self) -> list[int]:
        return [one.request for one in self.all(AbortRequest)]

    @property
    def closes_of_sockets(self) -> list[CloseSocket]:
        return self.all(CloseSocket)

    def frames(self, event: str) -> list[Frame]:
        """The frames of one event that were sent so far."""
        sent = [decode(one.data, self._vsn) for one in self.all(SendFrame)]
        return [frame for frame in sent if frame.event == event]

    @property
    def screen(self) -> list[tuple[int, Path, Fate]]:
        """What arriving rows did to the screen, in order."""
        return [(one.row_id, one.path, one.fate) for one in self.sink.deliveries]


def encoded(value: msgspec.Struct) -> bytes:
    """A value as the server writes it."""
    return msgspec.json.encode(value)


def transcript(page: Page) -> bytes:
    """All that a page did and recorded, as bytes."""
    whole = (page.commands, page.sink.events, page.sink.deliveries)
    return msgspec.json.encode([[repr(one) for one in part] for part in whole])


def live_page(policy: Policy = PLAN, *, vsn: Vsn = "2.0.0", seed: int = 7) -> Page:
    """A page on which rows flow, with an empty history and nothing under way."""
    page = Page(policy, vsn=vsn, seed=seed)
    page.opens()
    page.goes_live()
    if policy.poll_on_subscribed:
        page.answers_poll()
    return page


def polling_page(policy: Policy = PLAN, *, seed: int = 7) -> Page:
    """A page whose three first socket attempts failed; its first poll was answered, empty."""
    page = Page(policy, seed=seed)
    page.opens()
    page.socket_closes()
    for _ in range(2):
        page.attempt_fails_after_its_wait()
    page.answers_poll()
    return page
