"""One session on real timers, a real socket and scripted HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import gevent
import msgspec
import pytest
from gevent.event import Event as Signal
from websockets.protocol import State

from harness.client.browser import CHROME, Browser
from harness.client.library import CURRENT, Library
from harness.client.policy import Policy
from harness.client.session import Identity, Session
from harness.client.throttling import Throttling
from harness.client.token_refresh import REFRESH_PATH, Stored, TokenStore
from harness.clock import monotonic_s
from harness.drivers.http_pool import Answer, NoAnswer
from harness.drivers.sockets import Endpoint
from harness.drivers.timer_wheel import TimerWheel
from harness.drivers.user_driver import UserDriver
from harness.records import (
    ChannelChanged,
    PageClosed,
    PageOpened,
    PollStarted,
    SendEnded,
    SendSkipped,
    SendStarted,
    SocketClosed,
    SocketOpening,
)
from harness.runsettings import ActKind, PlannedAct, PlannedSend
from harness.wire import phoenix
from harness.wire.api import ListAnswer
from tests.support.page import ListSink, message_id
from tests.support.tiny_servers import ServerEnd, serving, until, unused_address

pytestmark = pytest.mark.e2e

QUICK = Policy(name="quick", send_disabled_s=0.0, ack_timeout_s=0.05)
EMPTY = Answer(200, msgspec.json.encode(ListAnswer(True)))
NO_ROW = Answer(400, b'{"success":false,"error":"no"}')


class ScriptedHttp:
    """In the place of a pool: answers reads with nothing and sends as the test says."""

    def __init__(self, send: Callable[[], Answer] = lambda: NO_ROW) -> None:
        self._send = send
        self.asked: list[tuple[str, str]] = []
        self.tokens: list[str] = []
        self.killed = 0
        self.closed = 0

    def request(
        self, method: str, path: str, body: bytes | None, on_repeat: Callable[[], None]
    ) -> Answer:
        self.asked.append((method, path))
        try:
            return EMPTY if method == "GET" else self._send()
        except gevent.GreenletExit:
            self.killed += 1
            raise

    def use_token(self, token: str) -> None:
        self.tokens.append(token)

    def close(self) -> None:
        self.closed += 1


def never() -> Answer:
    Signal().wait()
    raise AssertionError("nobody sets it")


def refuses() -> Answer:
    raise NoAnswer("connection refused")


class Driven:
    """A driver with all that a test looks at."""

    def __init__(
        self,
        port: int,
        *,
        at_s: Sequence[float] = (),
        load_s: float = 100.0,
        policy: Policy = QUICK,
        http: ScriptedHttp | None = None,
        session: Session | None = None,
        user: int = 1,
        acts: Sequence[tuple[float, ActKind]] = (),
        throttling: Throttling | None = None,
        wheel: TimerWheel | None = None,
        browser: Browser = CHROME,
        library: Library = CURRENT,
        retry_after_s: tuple[float, ...] = (),
        tokens: TokenStore | None = None,
        auth: ScriptedHttp | None = None,
    ) -> None:
        self.sink = ListSink()
        self.http = http or ScriptedHttp()
        self.crashes: list[tuple[int, BaseException]] = []
        self.begins_s = monotonic_s()
        identity = Identity(
            user=user,
            user_id="u",
            webinar=42,
            cohort="all",
            seed=7,
            api_key="key",
            token="t",
            throttling=throttling,
            library=library,
        )
        plan = [
            PlannedSend(
                user=user,
                number=n,
                room=42,
                at_s=at,
                client_msg_id=message_id(n),
                body="hi",
                retry_after_s=retry_after_s,
            )
            for n, at in enumerate(at_s)
        ]
        self.driver = UserDriver(
            user,
            session or Session(identity, policy, self.sink, tokens),
            plan,
            acts=[
                PlannedAct(user=user, number=n, at_s=at, act=act)
                for n, (at, act) in enumerate(acts)
            ],
            another_page=lambda: Session(identity, policy, self.sink),
            realtime=Endpoint(address=("127.0.0.1", port), host="localhost"),
            http=self.http,  # type: ignore[arg-type]  # a pool by its three methods
            project_http=None if auth is None else lambda: auth,  # type: ignore[arg-type,return-value]
            browser=browser,
            wheel=wheel or TimerWheel(gevent.get_hub().loop, monotonic_s),
            load_begins_s=self.begins_s,
            load_ends_s=self.begins_s + load_s,
            clock=monotonic_s,
            on_crash=lambda user, error: self.crashes.append((user, error)),
        )

    def events(self, kind: type[Any]) -> list[Any]:
        return [one for one in self.sink.events if isinstance(one, kind)]


@contextmanager
def driven(port: int, **options: Any) -> Iterator[Driven]:
    one = Driven(port, **options)
    one.driver.start()
    try:
        yield one
    finally:
        one.driver.stop()


@pytest.fixture
def nowhere() -> int:
    """A port at which nobody listens."""
    return unused_address()[1]


class Realtime:
    """A server that answers every frame with ``ok``; keeps what it is sent."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.ends: list[ServerEnd] = []
        self.close_codes: list[int | None] = []

    def __call__(self, connection: Any) -> None:
        end = ServerEnd(connection)
        end.accept()
        self.ends.append(end)
        try:
            while True:
                frame = phoenix.decode(end.next_text(), "2.0.0")
                self.events.append(frame.event)
                self.say(end, frame, "phx_reply", {"status": "ok", "response": {}})
        except EOFError:
            received = end.protocol.close_rcvd
            self.close_codes.append(None if received is None else int(received.code))

    @staticmethod
    def say(end: ServerEnd, to: phoenix.Frame, event: str, content: Any) -> None:
        if end.protocol.state is not State.OPEN:
            return
        frame = phoenix.Frame(to.join_ref, to.ref, to.topic, event, phoenix.payload(content))
        end.protocol.send_text(phoenix.encode_from_server(frame, "2.0.0"))
        end.flush()


def test_messages_are_sent_at_their_planned_moments_not_before(nowhere: int) -> None:
    with driven(nowhere, at_s=[0.0, 0.03, 0.06]) as one:
        until(lambda: len(one.events(SendStarted)) == 3)

    started = one.events(SendStarted)
    assert [s.planned_s - one.begins_s for s in started] == pytest.approx([0.0, 0.03, 0.06])
    assert all(s.t_s >= s.planned_s for s in started)
    assert [s.number for s in started] == [0, 1, 2]


def test_what_is_planned_at_or_after_the_loads_end_is_skipped(nowhere: int) -> None:
    with driven(nowhere, at_s=[0.0, 0.02, 0.03], load_s=0.02) as one:
        until(lambda: one.events(SendSkipped))

    assert [s.number for s in one.events(SendStarted)] == [0]
    assert [(s.number, s.reason) for s in one.events(SendSkipped)] == [
        (1, "load_ended"),
        (2, "load_ended"),
    ]


def test_stopping_accounts_for_every_message_that_is_left(nowhere: int) -> None:
    with driven(nowhere, at_s=[0.0, 50.0, 60.0]) as one:
        until(lambda: one.events(SendStarted))

    skipped = one.events(SendSkipped)
    assert [(s.number, s.planned_s - one.begins_s) for s in skipped] == [
        (1, pytest.approx(50.0)),
        (2, pytest.approx(60.0)),
    ]
    assert len(one.events(PageClosed)) == 1


def test_stopping_twice_or_before_the_start_changes_nothing(nowhere: int) -> None:
    one = Driven(nowhere, at_s=[0.0])
    one.driver.stop()
    assert one.sink.events == []

    one.driver.start()
    one.driver.stop()
    records = len(one.sink.events)
    one.driver.stop()

    assert len(one.sink.events) == records
    assert len(one.events(PageOpened)) == 1


def test_the_history_is_read_and_the_answer_of_a_send_is_heard(nowhere: int) -> None:
    with driven(nowhere, at_s=[0.0]) as one:
        until(lambda: one.events(SendEnded))

    assert [(e.outcome, e.status, e.detail) for e in one.events(SendEnded)] == [
        ("refused", 400, "no")
    ]
    assert sorted(one.http.asked) == [
        ("GET", "/api/messages?webinarId=42&limit=50"),
        ("POST", "/api/messages/create"),
    ]


def test_a_request_without_an_answer_is_heard_with_its_reason(nowhere: int) -> None:
    with driven(nowhere, at_s=[0.0], http=ScriptedHttp(refuses)) as one:
        until(lambda: one.events(SendEnded))

    assert [(e.outcome, e.detail) for e in one.events(SendEnded)] == [
        ("network", "connection refused")
    ]


def test_s3_a_send_that_hangs_is_aborted(nowhere: int) -> None:
    with driven(nowhere, at_s=[0.0], http=ScriptedHttp(never)) as one:
        until(lambda: one.http.killed)

    assert [e.outcome for e in one.events(SendEnded)] == ["timeout"]
    assert one.http.killed == 1


def test_stopping_ends_the_requests_under_way_and_closes_the_connections(nowhere: int) -> None:
    patient = Policy(name="patient")
    with driven(nowhere, at_s=[0.0], policy=patient, http=ScriptedHttp(never)) as one:
        until(lambda: len(one.http.asked) == 2)

    until(lambda: one.http.killed == 1)
    assert one.http.closed == 1
    assert one.events(SendEnded) == []
    assert one.events(PageClosed)[0].pending == (message_id(0),)


def test_a_socket_that_fails_is_tried_again_and_polling_follows(nowhere: int) -> None:
    with driven(nowhere, policy=Policy(name="nervous", fallback_after_failures=1)) as one:
        until(lambda: one.events(PollStarted))

    assert [c.code for c in one.events(SocketClosed)] == [1006]
    assert [p.cause for p in one.events(PollStarted)] == ["activation"]


def test_the_channel_is_joined_over_the_socket() -> None:
    server = Realtime()
    with serving(server) as (_, port), driven(port) as one:
        until(lambda: len(one.events(ChannelChanged)) == 2)

    assert [c.status for c in one.events(ChannelChanged)] == ["joining", "subscribed"]
    assert server.events[0] == "phx_join"


def test_r2_stopping_leaves_the_channel_and_closes_the_socket() -> None:
    server = Realtime()
    with serving(server) as (_, port):
        with driven(port) as one:
            until(lambda: len(one.events(ChannelChanged)) == 2)
        until(lambda: server.close_codes)

    assert server.events == ["phx_join", "phx_leave"]
    assert server.close_codes == [1000]


class Crashing(Session):
    """A session with a bug: it fails at its next frame."""

    __slots__ = ()

    def frame_received(self, socket: int, data: str | bytes, now_s: float) -> None:
        raise ZeroDivisionError("a bug")


def test_a_crash_in_a_session_is_reported_and_stops_that_user_alone() -> None:
    server = Realtime()
    sink = ListSink()
    identity = Identity(
        user=5, user_id="u", webinar=42, cohort="all", seed=7, api_key="key", token="t"
    )
    broken = Crashing(identity, QUICK, sink)
    with (
        serving(server) as (_, port),
        driven(port, at_s=[0.0, 30.0], session=broken, user=5) as one,
        driven(port) as other,
    ):
        until(lambda: one.crashes and len(other.events(ChannelChanged)) == 2)
        until(lambda: server.close_codes)  # the crashed user's socket is gone

        ((user, error),) = one.crashes
        assert user == 5
        assert isinstance(error, ZeroDivisionError)
        assert one.http.closed == 1
        assert other.crashes == []
        one.driver.stop()
        assert [type(e) for e in sink.events].count(PageClosed) == 0  # its end is not known


class CrashingAtClose(Session):
    """A session with a bug in its last moment."""

    __slots__ = ()

    def close_page(self, now_s: float) -> None:
        raise ZeroDivisionError("a late bug")


def test_a_crash_while_stopping_is_reported_and_releases_everything(nowhere: int) -> None:
    identity = Identity(
        user=5, user_id="u", webinar=42, cohort="all", seed=7, api_key="key", token="t"
    )
    broken = CrashingAtClose(identity, QUICK, ListSink())

    with driven(nowhere, session=broken) as one:
        pass

    assert [type(error) for _, error in one.crashes] == [ZeroDivisionError]
    assert one.http.closed >= 1


def test_a_crash_of_a_request_is_reported(nowhere: int) -> None:
    def breaks() -> Answer:
        raise ZeroDivisionError("a bug in the pool")

    with driven(nowhere, at_s=[0.0], http=ScriptedHttp(breaks)) as one:
        until(lambda: one.crashes)

    assert [type(error) for _, error in one.crashes] == [ZeroDivisionError]


def test_a_lost_socket_is_replaced_after_its_wait() -> None:
    server = Realtime()
    with serving(server) as (_, port), driven(port) as one:
        until(lambda: len(one.events(ChannelChanged)) == 2)
        server.ends[0].connection.shutdown(2)
        until(lambda: len(server.ends) == 2)

    opening = one.events(SocketOpening)
    assert [o.attempt for o in opening] == [1, 2]
    lost_s = one.events(SocketClosed)[0].t_s
    assert opening[1].t_s - lost_s >= 1.0


def test_a_token_is_renewed_over_the_projects_own_connections_and_carried_by_what_follows(
    nowhere: int,
) -> None:
    session = {"access_token": "new", "refresh_token": "r1", "expires_in": 3600}
    auth = ScriptedHttp(lambda: Answer(200, msgspec.json.encode(session)))
    tokens = TokenStore(Stored("old", "r0", expires_at=-1))

    with driven(nowhere, tokens=tokens, auth=auth) as one:
        until(lambda: one.http.tokens == ["old", "new"])

    assert auth.asked == [("POST", REFRESH_PATH)]
    assert all(method == "GET" for method, _ in one.http.asked)
    assert auth.closed
    assert one.crashes == []
