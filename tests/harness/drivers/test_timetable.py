"""What is due when, of a plan, of acts, and of reactions to failures."""

from __future__ import annotations

from math import inf

from harness.client.commands import ShowFailure
from harness.drivers.timetable import Timetable
from harness.runsettings import PlannedAct, PlannedSend
from tests.support.page import message_id

BEGINS_S = 100.0


def send(number: int, at_s: float, *retry_after_s: float) -> PlannedSend:
    return PlannedSend(
        user=1,
        number=number,
        room=42,
        at_s=at_s,
        client_msg_id=message_id(number),
        body="hi",
        retry_after_s=retry_after_s,
    )


def hide(at_s: float) -> PlannedAct:
    return PlannedAct(user=1, number=0, at_s=at_s, act="hide")


def failure(number: int, attempt: int = 1) -> ShowFailure:
    return ShowFailure(message_id(number), attempt)


def test_steps_come_at_their_moments_and_an_act_before_a_send_of_the_same() -> None:
    first, second, act = send(0, 1.0), send(1, 2.0), hide(2.0)
    table = Timetable([first, second], [act], begins_s=BEGINS_S)

    assert table.next_step_s == 101.0
    assert table.pop_step(100.9) is None
    assert table.pop_step(102.5) == (first, 101.0)
    assert table.pop_step(102.5) == (act, 102.0)
    assert table.pop_step(102.5) == (second, 102.0)
    assert table.pop_step(999.0) is None
    assert table.next_step_s == inf


def test_a_failed_message_is_sent_again_after_its_planned_waits_and_then_left() -> None:
    table = Timetable([send(0, 1.0, 4.0, 2.5)], [], begins_s=BEGINS_S)

    table.failed(failure(0), 111.0)
    assert table.next_retry_s == 115.0
    assert table.pop_retry(114.9) is None
    first = table.pop_retry(115.0)
    assert first is not None
    assert (first.send.number, first.attempt) == (0, 2)
    table.failed(failure(0, attempt=2), 125.0)
    assert table.next_retry_s == 127.5
    assert table.pop_retry(127.5) is not None
    table.failed(failure(0, attempt=3), 140.0)

    assert table.next_retry_s == inf


def test_who_never_sends_again_has_no_retry() -> None:
    table = Timetable([send(0, 1.0)], [], begins_s=BEGINS_S)
    table.failed(failure(0), 111.0)
    assert table.next_retry_s == inf


def test_of_several_failures_the_first_that_is_due_comes_first() -> None:
    table = Timetable([send(0, 1.0, 9.0), send(1, 2.0, 3.0)], [], begins_s=BEGINS_S)
    table.failed(failure(0), 110.0)
    table.failed(failure(1), 111.0)

    due = [table.pop_retry(inf), table.pop_retry(inf)]

    assert [retry and retry.send.number for retry in due] == [1, 0]


def test_with_the_page_the_failures_on_it_are_gone() -> None:
    table = Timetable([send(0, 1.0, 4.0)], [], begins_s=BEGINS_S)
    table.failed(failure(0), 110.0)
    table.forget_failures()
    assert table.next_retry_s == inf


def test_at_the_end_the_sends_that_are_left_are_told_and_nothing_is_done_any_more() -> None:
    table = Timetable([send(0, 1.0, 4.0), send(1, 2.0)], [hide(3.0)], begins_s=BEGINS_S)
    table.pop_step(101.0)
    table.failed(failure(0), 101.5)

    assert [(one.number, at_s) for one, at_s in table.give_up()] == [(1, 102.0)]
    assert (table.next_step_s, table.next_retry_s) == (inf, inf)
