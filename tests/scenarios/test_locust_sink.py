"""What Locust's statistics show of the sessions."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.recorder import BlockBuffer
from harness.records import (
    ChannelChanged,
    Fate,
    PageClosed,
    Path,
    PollEnded,
    PollStarted,
    SendEnded,
    SendOutcome,
    SendStarted,
    SocketClosed,
    SocketOpening,
)
from harness.wire.changes import MessageRow
from scenarios import locust_sink
from scenarios.locust_sink import LocustSink
from tests.support.fake_runtime import FakeRequestEvent, ManualClock
from tests.support.locust_stats import RequestStats

CREATED = "2026-03-01T12:00:00.250+00:00"
CREATED_UNIX_S = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC).timestamp()


class Shown:
    """A sink and what it fired."""

    def __init__(self) -> None:
        self._event = FakeRequestEvent()
        self.buffer = BlockBuffer("load")
        self.sink = LocustSink(self.buffer, self._event)

    @property
    def fired(self) -> list[dict[str, Any]]:
        return self._event.fired

    @property
    def received(self) -> RequestStats:
        """Locust's statistics with what was not fired but merged."""
        stats = RequestStats()
        self.sink.show(stats)
        return stats

    @property
    def requests(self) -> list[tuple[str, str, float, str | None]]:
        """Kind, name, whole milliseconds, error."""
        return [
            (f["request_type"], f["name"], round(f["response_time"], 6), f["exception"])
            for f in self.fired
        ]


@pytest.fixture
def shown() -> Shown:
    return Shown()


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """The wall clock that receiving is measured with, 300 ms after the creation."""
    clock = ManualClock(CREATED_UNIX_S + 0.3)
    monkeypatch.setattr(locust_sink, "time", SimpleNamespace(time=clock))
    return clock


def row(row_id: int = 7, *, created_at: str = CREATED, body: str = "hello") -> MessageRow:
    return MessageRow(row_id, 1, "user", f"message-{row_id}", body, created_at)


def started(client_msg_id: str, t_s: float, *, attempt: int = 1) -> SendStarted:
    return SendStarted(
        t_s=t_s, user=1, number=0, planned_s=t_s, client_msg_id=client_msg_id, attempt=attempt
    )


def ended(
    client_msg_id: str, t_s: float, outcome: SendOutcome = "ok", detail: str = ""
) -> SendEnded:
    return SendEnded(
        t_s=t_s, user=1, client_msg_id=client_msg_id, attempt=1, outcome=outcome, detail=detail
    )


def live(t_s: float, user: int = 1) -> ChannelChanged:
    return ChannelChanged(t_s=t_s, user=user, status="live")


def test_a_send_lasts_from_its_start_to_its_answer_each_by_its_own_id(shown: Shown) -> None:
    for event in (started("a", 1.0), started("b", 1.5), ended("b", 1.75), ended("a", 2.0)):
        shown.sink.event(event)

    assert shown.requests == [("SEND", "message", 250.0, None), ("SEND", "message", 1000.0, None)]
    assert shown.sink.counters.sends == 2


@pytest.mark.parametrize(
    ("outcome", "detail", "error"),
    [
        ("timeout", "", "timeout"),
        ("refused", "", "refused"),
        ("bad_answer", "HTML", "bad_answer HTML"),
        ("network", "reset", "network reset"),
    ],
)
def test_a_send_that_fails_is_a_failure_named_by_its_outcome(
    shown: Shown, outcome: SendOutcome, detail: str, error: str
) -> None:
    shown.sink.event(started("a", 1.0))
    shown.sink.event(ended("a", 6.0, outcome, detail))

    assert shown.requests == [("SEND", "message", 5000.0, error)]
    assert shown.sink.counters.send_timeouts == (outcome == "timeout")


def test_a_send_without_an_end_is_no_request_and_spoils_no_later_one(shown: Shown) -> None:
    shown.sink.event(started("lost", 1.0))
    shown.sink.event(PageClosed(t_s=5.0, user=1, pending=("lost",), failed=()))
    assert shown.fired == []

    shown.sink.event(started("next", 9.0))
    shown.sink.event(ended("next", 9.5))
    assert shown.requests == [("SEND", "message", 500.0, None)]


def test_another_attempt_of_a_message_is_timed_from_its_own_start(shown: Shown) -> None:
    shown.sink.event(started("a", 1.0))
    shown.sink.event(ended("a", 6.0, "timeout"))
    shown.sink.event(started("a", 10.0, attempt=2))
    shown.sink.event(ended("a", 10.125))

    assert [request[2] for request in shown.requests] == [5000.0, 125.0]


def test_polls_of_several_users_are_timed_apart_and_fail_by_their_outcome(shown: Shown) -> None:
    for user, t_s in ((1, 1.0), (2, 1.25)):
        shown.sink.event(PollStarted(t_s=t_s, user=user, poll=1, cause="period"))
    shown.sink.event(PollEnded(t_s=2.0, user=1, poll=1, outcome="ok", rows=3))
    shown.sink.event(PollEnded(t_s=2.0, user=2, poll=1, outcome="timeout"))

    assert shown.requests == [
        ("POLL", "messages", 1000.0, None),
        ("POLL", "messages", 750.0, "timeout"),
    ]
    assert shown.sink.counters.polls == 2


def test_a_join_lasts_from_the_attempt_that_succeeded_until_rows_flow(shown: Shown) -> None:
    shown.sink.event(SocketOpening(t_s=1.0, user=1, attempt=1))
    shown.sink.event(SocketClosed(t_s=2.0, user=1, attempt=1, was_open=False, code=1006))
    shown.sink.event(SocketOpening(t_s=3.0, user=1, attempt=2))
    shown.sink.event(ChannelChanged(t_s=3.2, user=1, status="subscribed"))
    assert shown.fired == []

    shown.sink.event(live(3.5))
    assert shown.requests == [("JOIN", "webinar", 500.0, None)]


def test_a_channel_that_goes_live_again_on_the_same_socket_is_no_second_join(shown: Shown) -> None:
    shown.sink.event(SocketOpening(t_s=1.0, user=1, attempt=1))
    shown.sink.event(live(2.0))
    shown.sink.event(live(9.0))

    assert len(shown.fired) == 1


@pytest.mark.parametrize(("path", "name"), [(Path.REALTIME, "by realtime"), (Path.POLL, "by poll")])
@pytest.mark.parametrize("fate", [Fate.SHOWN, Fate.SWAPPED])
def test_a_row_that_changes_the_screen_is_received_by_its_path(
    shown: Shown, wall: ManualClock, path: Path, name: str, fate: Fate
) -> None:
    shown.sink.delivery(5.0, 1, row(body="hello"), path, fate)

    received = shown.received
    assert list(received.entries) == [(name, "RECV")]
    entry = received.get(name, "RECV")
    assert entry.num_requests == received.total.num_requests == 1
    assert entry.max_response_time == pytest.approx(300.0, abs=0.01)
    assert entry.total_content_length == 5
    assert shown.sink.counters.deliveries == 1


@pytest.mark.parametrize(
    ("path", "fate"),
    [
        (Path.REALTIME, Fate.SUPPRESSED),
        (Path.POLL, Fate.SUPPRESSED),
        (Path.HISTORY, Fate.SHOWN),
        (Path.API, Fate.SWAPPED),
    ],
)
def test_suppressed_rows_history_and_answers_are_recorded_but_not_received(
    shown: Shown, path: Path, fate: Fate
) -> None:
    shown.sink.delivery(5.0, 1, row(), path, fate)

    assert shown.received.entries == {}
    assert shown.sink.counters.deliveries == 0
    assert shown.buffer.drain() != b""


def test_every_receiver_of_a_row_is_timed_and_so_is_the_next_row(
    shown: Shown, wall: ManualClock
) -> None:
    shown.sink.delivery(5.0, 1, row(0), Path.REALTIME, Fate.SHOWN)
    wall.now_s += 0.1
    shown.sink.delivery(5.1, 2, row(0), Path.REALTIME, Fate.SHOWN)
    later = row(8, created_at="2026-03-01T21:00:00.500+09:00")
    shown.sink.delivery(5.1, 1, later, Path.REALTIME, Fate.SHOWN)

    entry = shown.received.get("by realtime", "RECV")
    assert entry.response_times == {300: 1, 400: 1, 150: 1}
    assert shown.received.entries == {}, "each is merged once"


def test_a_server_clock_that_is_ahead_gives_no_negative_time(
    shown: Shown, wall: ManualClock
) -> None:
    wall.now_s = CREATED_UNIX_S - 10.0
    shown.sink.delivery(5.0, 1, row(), Path.REALTIME, Fate.SHOWN)

    assert shown.received.get("by realtime", "RECV").max_response_time == 0.0


@pytest.mark.parametrize(
    "created_at", ["", "infinity", "yesterday", "2026-03-01T12:00:00", "0001-01-01T00:00:00"]
)
def test_a_row_whose_creation_cannot_be_read_counts_but_has_no_time(
    shown: Shown, created_at: str
) -> None:
    shown.sink.delivery(5.0, 1, row(created_at=created_at), Path.REALTIME, Fate.SHOWN)

    assert shown.received.entries == {}
    assert shown.sink.counters.deliveries == 1
    assert shown.buffer.drain() != b""


@given(
    st.lists(
        st.text()
        | st.datetimes().map(datetime.isoformat)
        | st.datetimes(timezones=st.timezones()).map(datetime.isoformat)
    )
)
def test_no_text_of_a_server_as_creation_ever_raises(texts: list[str]) -> None:
    shown = Shown()
    for number, text in enumerate(texts):
        shown.sink.delivery(1.0, 1, row(number, created_at=text), Path.POLL, Fate.SHOWN)

    assert shown.sink.counters.deliveries == len(texts)
    assert (shown.received.total.min_response_time or 0.0) >= 0.0
