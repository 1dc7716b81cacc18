"""What a person does but writing, on real timers and sockets."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import gevent
import pytest

from harness.client.policy import Policy
from harness.client.throttling import Throttling
from harness.clock import monotonic_s
from harness.drivers.timer_wheel import TimerWheel
from harness.records import (
    ChannelChanged,
    OnlineChanged,
    PageClosed,
    PageOpened,
    PersonActed,
    SendEnded,
    SendSkipped,
    SendStarted,
    SocketClosed,
    SocketOpening,
    VisibilityChanged,
)
from harness.runsettings import ActKind
from tests.harness.drivers.test_user_driver import (
    QUICK,
    Driven,
    Realtime,
    ScriptedHttp,
    driven,
    never,
)
from tests.support.tiny_servers import serving, until, unused_address

pytestmark = pytest.mark.e2e

Acts = Sequence[tuple[float, ActKind]]


@pytest.fixture
def nowhere() -> int:
    return unused_address()[1]


def skips(one: Driven) -> list[tuple[int, str]]:
    return [(skipped.number, skipped.reason) for skipped in one.events(SendSkipped)]


@pytest.mark.parametrize(
    ("away", "back", "reason"),
    [
        ("hide", "show", "tab_hidden"),
        ("close_lid", "open_lid", "asleep"),
        ("leave", "come_back", "page_not_open"),
    ],
)
def test_who_is_away_cannot_send_and_the_reason_is_recorded(
    nowhere: int, away: ActKind, back: ActKind, reason: str
) -> None:
    with driven(nowhere, at_s=[0.0, 0.04, 0.08], acts=[(0.02, away), (0.06, back)]) as one:
        until(lambda: len(one.events(SendStarted)) == 2)

    assert [started.number for started in one.events(SendStarted)] == [0, 2]
    assert skips(one) == [(1, reason)]


def test_who_has_no_network_can_click_and_the_send_fails(nowhere: int) -> None:
    with driven(nowhere, at_s=[0.04], acts=[(0.02, "go_offline")]) as one:
        until(lambda: one.events(SendEnded))

    assert skips(one) == []
    assert [(e.outcome, e.detail) for e in one.events(SendEnded)] == [("network", "offline")]
    assert ("POST", "/api/messages/create") not in one.http.asked


def test_each_act_is_recorded_with_its_planned_moment_before_what_follows(nowhere: int) -> None:
    with driven(nowhere, acts=[(0.02, "hide"), (0.04, "show")]) as one:
        until(lambda: len(one.events(VisibilityChanged)) == 2)

    acted = one.events(PersonActed)
    assert [(act.number, act.act) for act in acted] == [(0, "hide"), (1, "show")]
    assert [act.planned_s - one.begins_s for act in acted] == pytest.approx([0.02, 0.04])
    kinds = [type(e) for e in one.sink.events if isinstance(e, PersonActed | VisibilityChanged)]
    assert kinds == [PersonActed, VisibilityChanged] * 2


def test_who_arrives_late_opens_the_page_then_and_cannot_send_before(nowhere: int) -> None:
    with driven(nowhere, at_s=[0.0, 0.05], acts=[(0.03, "arrive")]) as one:
        until(lambda: one.events(SendStarted))

    (opened,) = one.events(PageOpened)
    assert opened.t_s - one.begins_s >= 0.03
    assert skips(one) == [(0, "page_not_open")]


def test_who_leaves_closes_the_page_and_coming_back_opens_another() -> None:
    server = Realtime()
    with (
        serving(server) as (_, port),
        driven(port, acts=[(0.2, "leave"), (0.3, "come_back")]) as one,
    ):
        until(lambda: len(server.ends) == 2 and len(one.events(ChannelChanged)) >= 4)

    order = [type(e) for e in one.sink.events if isinstance(e, PageOpened | PageClosed)]
    assert order == [PageOpened, PageClosed, PageOpened, PageClosed]
    assert [opening.attempt for opening in one.events(SocketOpening)] == [1, 1]
    assert one.crashes == []


def test_what_is_left_of_the_plan_of_somebody_who_has_left_is_accounted_for(nowhere: int) -> None:
    with driven(nowhere, at_s=[50.0], acts=[(0.01, "leave")]) as one:
        until(lambda: one.events(PageClosed))

    assert skips(one) == [(0, "load_ended")]
    assert len(one.events(PageClosed)) == 1


def test_an_open_socket_survives_a_short_loss_of_the_network() -> None:
    server = Realtime()
    acts: Acts = [(0.2, "go_offline"), (0.3, "go_online")]
    with serving(server) as (_, port), driven(port, acts=acts) as one:
        until(lambda: len(one.events(OnlineChanged)) == 2)
        assert one.events(SocketClosed) == []

    assert [change.online for change in one.events(OnlineChanged)] == [False, True]
    assert len(server.ends) == 1


def test_a_closed_laptop_has_lost_its_socket_and_its_requests_when_it_opens() -> None:
    server = Realtime()
    patient = Policy(name="patient")
    acts: Acts = [(0.2, "close_lid"), (0.3, "open_lid")]
    options: dict[str, Any] = {"policy": patient, "http": ScriptedHttp(never), "acts": acts}
    with serving(server) as (_, port), driven(port, at_s=[0.15], **options) as one:
        until(lambda: len(server.ends) == 2)

    (ended,) = one.events(SendEnded)
    assert (ended.outcome, ended.detail) == ("network", "suspended")
    opened_s = one.events(PersonActed)[1].t_s
    assert ended.t_s >= opened_s
    assert one.events(SocketClosed)[0].t_s >= opened_s
    assert [c.visible for c in one.events(VisibilityChanged)] == [False, True]


def test_no_timer_of_the_page_runs_while_the_laptop_is_closed(nowhere: int) -> None:
    """A send would time out after 50 ms."""
    http = ScriptedHttp(never)
    acts: Acts = [(0.02, "close_lid"), (0.15, "open_lid")]
    with driven(nowhere, at_s=[0.01], policy=QUICK, http=http, acts=acts) as one:
        until(lambda: one.events(SendEnded))

    (ended,) = one.events(SendEnded)
    assert ended.t_s - one.begins_s >= 0.15


def test_a_socket_is_refused_at_once_without_a_network() -> None:
    """Lost before, and tried again a second later, when the network is gone."""
    server = Realtime()
    with serving(server) as (_, port), driven(port, acts=[(0.5, "go_offline")]) as one:
        until(lambda: len(one.events(ChannelChanged)) == 2)
        server.ends[0].connection.shutdown(2)
        until(lambda: len(one.events(SocketClosed)) == 2)

    assert one.events(SocketClosed)[1].reason == "offline"
    assert len(server.ends) == 1


def test_on_another_network_the_socket_is_dead_and_the_page_does_not_know() -> None:
    server = Realtime()
    acts: Acts = [(0.2, "go_offline"), (0.25, "switch_network")]
    with serving(server) as (_, port), driven(port, at_s=[0.3], acts=acts) as one:
        until(lambda: one.events(SendEnded))
        gevent.sleep(0.1)
        assert one.events(SocketClosed) == []
        assert one.driver.session.is_open
        server.ends[0].connection.shutdown(2)
        gevent.sleep(0.1)
        assert one.events(SocketClosed) == []

    assert [change.online for change in one.events(OnlineChanged)] == [False, True]
    assert [ended.outcome for ended in one.events(SendEnded)] == ["refused"]  # it got through


def test_s6_refuses_the_second_click_of_a_double_click_and_it_is_counted(nowhere: int) -> None:
    with driven(nowhere, at_s=[0.0, 0.05], policy=Policy(name="plan")) as one:
        until(lambda: one.events(SendSkipped))

    assert [started.number for started in one.events(SendStarted)] == [0]
    assert skips(one) == [(1, "send_disabled")]


def test_many_hidden_pages_wake_together_and_no_greenlet_sleeps_for_one(nowhere: int) -> None:
    """Each would ask the wheel for a moment of its own if its timers ran when they are due."""
    wheel = TimerWheel(gevent.get_hub().loop, monotonic_s)
    page_timers = Throttling(align_s=0.5)
    policy = Policy(name="watchful", fallback_after_silence_s=0.05, poll_period_s=0.1)
    options: dict[str, Any] = {"policy": policy, "throttling": page_timers, "wheel": wheel}
    before = greenlets()
    with ExitStack() as stack:
        many = [
            stack.enter_context(driven(nowhere, acts=[(0.0, "hide")], user=user, **options))
            for user in range(40)
        ]
        # As soon as the sockets are refused and the history is read.
        until(lambda: wheel.moments <= 2)
        until(lambda: greenlets() <= before)
        assert all(one.crashes == [] for one in many)
    assert wheel.moments == 0


def greenlets() -> int:
    gc.collect()
    return sum(isinstance(one, gevent.Greenlet) and not one.dead for one in gc.get_objects())
