"""When polling goes on, pauses and goes off (F1, F2, F5, H3)."""

from __future__ import annotations

import pytest

from harness.client.policy import Policy
from harness.records import FallbackOff, FallbackOn, Fate, Path, PollStarted
from tests.support.page import HARDENED, PLAN, Page, live_page, polling_page, row


def activations(page: Page) -> list[tuple[str, float]]:
    return [(one.reason, one.t_s) for one in page.events(FallbackOn)]


def polls(page: Page) -> list[tuple[str, float]]:
    return [(one.cause, one.t_s) for one in page.events(PollStarted)]


def test_f1_the_third_failed_attempt_in_a_row_switches_polling_on() -> None:
    page = Page()
    page.opens()
    page.socket_closes()
    page.attempt_fails_after_its_wait()
    assert not page.session.is_polling

    page.attempt_fails_after_its_wait()

    assert activations(page) == [("socket_failures", 3.0)]
    assert polls(page) == [("activation", 3.0)]


def test_f1_how_many_failures_it_takes_is_the_policys() -> None:
    page = Page(Policy(name="nervous", fallback_after_failures=1))
    page.opens()

    page.socket_closes()

    assert activations(page) == [("socket_failures", 0.0)]


def test_f1_an_attempt_that_opens_starts_the_count_anew() -> None:
    page = Page(Policy(name="patient", fallback_after_silence_s=1000.0))
    page.opens()
    for _ in range(3):
        page.socket_closes()
        page.attempt_fails_after_its_wait()
        page.wait(10.0)
        page.socket_opens()

    assert activations(page) == []


def test_f1_losing_an_open_socket_is_no_failed_attempt() -> None:
    page = Page(Policy(name="patient", fallback_after_silence_s=1000.0))
    page.opens()
    page.socket_closes()
    page.attempt_fails_after_its_wait()
    page.wait(10.0)
    page.socket_opens()

    page.socket_closes()
    page.attempt_fails_after_its_wait()
    page.attempt_fails_after_its_wait()

    assert activations(page) == []


def test_f1_ten_seconds_without_an_event_switch_polling_on() -> None:
    page = live_page()
    page.wait(6.0)
    page.receives(row(1))

    page.wait(9.9)
    assert activations(page) == []
    page.wait(0.1)

    assert activations(page) == [("silence", 16.0)]


def test_f1_rows_move_no_timer_and_silence_counts_from_the_last_of_them() -> None:
    page = live_page()
    due_s = page.session.next_wake_s
    for number in range(1, 6):
        page.wait(1.0)
        page.receives(row(number))
        assert page.session.next_wake_s == due_s

    page.wait(9.9)
    assert activations(page) == []
    page.wait(0.1)

    assert activations(page) == [("silence", 15.0)]


def test_f1_the_silence_is_the_policys() -> None:
    page = live_page(Policy(name="slow", fallback_after_silence_s=30.0))

    page.wait(29.0)
    assert activations(page) == []
    page.wait(1.0)

    assert activations(page) == [("silence", 30.0)]


def test_f1_heartbeats_and_system_messages_are_no_events() -> None:
    page = live_page(Policy(name="slow", fallback_after_silence_s=30.0))
    page.wait(25.0)
    page.heartbeat_answered()
    page.system()

    page.wait(5.0)

    assert activations(page) == [("silence", 30.0)]


def test_h3_a_live_quiet_room_polls_though_nothing_is_wrong() -> None:
    page = live_page()

    page.wait(10.0)

    assert page.session.is_live
    assert activations(page) == [("silence", 10.0)]


def test_a_policy_without_fallback_never_polls() -> None:
    page = Page(Policy(name="legacy", fallback=False))
    page.opens()
    page.socket_closes()

    for _ in range(5):
        page.attempt_fails_after_its_wait()

    assert page.polls == []
    assert not page.session.is_polling


@pytest.mark.parametrize("op", ["INSERT", "UPDATE", "DELETE"])
def test_f2_the_first_event_of_any_kind_switches_polling_off(op: str) -> None:
    page = live_page()
    page.wait(10.0)
    page.answers_poll()

    page.receives(row(1), op)
    page.wait(9.9)

    assert [one.t_s for one in page.events(FallbackOff)] == [10.0]
    assert len(page.polls) == 1


def test_f2_a_socket_that_only_opens_does_not_switch_polling_off() -> None:
    page = polling_page()

    page.wait(5.0)
    page.goes_live()

    assert page.session.is_polling


def test_f2_the_plan_asks_no_more_and_h5_the_hardened_policy_polls_once_more() -> None:
    plan, hardened = live_page(PLAN), live_page(HARDENED)

    for page in (plan, hardened):
        page.wait(10.0)
        page.answers_poll()
        page.receives(row(1))

    assert [cause for cause, _ in polls(plan)] == ["activation"]
    assert [cause for cause, _ in polls(hardened)] == ["subscribed", "activation", "release"]


def test_f2_an_answer_after_the_release_still_shows_its_rows() -> None:
    page = live_page()
    page.wait(10.0)
    page.receives(row(2))

    page.answers_poll([row(1), row(2)])

    assert page.screen == [
        (2, Path.REALTIME, Fate.SHOWN),
        (1, Path.POLL, Fate.SHOWN),
        (2, Path.POLL, Fate.SUPPRESSED),
    ]


def test_h8_the_hardened_policy_polls_after_every_system_ok() -> None:
    page = live_page(HARDENED)
    page.socket_closes()
    page.wait(1.0)

    page.goes_live()

    assert polls(page) == [("subscribed", 0.0), ("subscribed", 1.0)]


@pytest.mark.parametrize("away", ["visible", "online"])
def test_f5_polling_pauses_while_hidden_or_offline_and_polls_once_on_return(away: str) -> None:
    page = polling_page()
    getattr(page, away)(False)
    before = len(page.polls)
    page.wait(60.0)
    assert len(page.polls) == before
    assert page.session.is_polling

    getattr(page, away)(True)
    assert polls(page)[before:] == [("return", page.now_s)]
    page.answers_poll()
    page.wait(3.5)

    assert [cause for cause, _ in polls(page)[before:]] == ["return", "period"]


def test_f5_both_must_be_over_before_polling_goes_on() -> None:
    page = polling_page()
    page.visible(False)
    page.online(False)
    before = len(page.polls)

    page.visible(True)
    assert len(page.polls) == before
    page.online(True)

    assert len(page.polls) == before + 1


def test_f5_returning_twice_polls_once() -> None:
    page = polling_page()
    page.visible(False)
    before = len(page.polls)

    page.visible(True)
    page.online(True)

    assert len(page.polls) == before + 1


def test_f5_polling_that_begins_in_a_hidden_tab_waits_for_its_return() -> None:
    page = live_page()
    page.visible(False)

    page.wait(30.0)
    assert activations(page) == [("silence", 10.0)]
    assert page.polls == []
    page.visible(True)

    assert polls(page) == [("return", 30.0)]


def test_f2_an_event_ends_a_paused_fallback() -> None:
    page = live_page()
    page.visible(False)
    page.wait(15.0)
    page.receives(row(1))
    assert not page.session.is_polling

    page.visible(True)

    assert page.polls == []


def test_h8_a_poll_owed_to_a_hidden_tab_is_made_once_on_return() -> None:
    page = live_page(HARDENED)
    page.visible(False)
    page.system()
    assert len(page.polls) == 1

    page.visible(True)
    page.answers_poll()

    assert [cause for cause, _ in polls(page)] == ["subscribed", "subscribed"]


def test_a_silence_that_follows_the_release_switches_polling_on_again() -> None:
    page = live_page()
    page.wait(10.0)
    page.answers_poll()
    page.receives(row(1))

    page.wait(10.0)

    assert activations(page) == [("silence", 10.0), ("silence", 20.0)]
