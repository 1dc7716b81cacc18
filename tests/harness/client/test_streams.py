"""A page draws for each purpose from a stream of its own: what the network makes of one moves
nothing in the others."""

from __future__ import annotations

from itertools import pairwise

import pytest

from harness.client.policy import Policy
from harness.records import ModerationStarted, PollStarted, SocketClosed, SocketOpening
from harness.wire.api import CreateAnswer
from tests.support.page import Page, encoded, row

POLICY = Policy(name="jittery", reconnect_jitter=0.5, poll_jitter_s=1.0)
WITHOUT_POLLS = Policy(name="mute", reconnect_jitter=0.5, fallback=False)
ROWS = range(1, 31)
STEP_S = 0.25


def opened(policy: Policy) -> Page:
    page = Page(policy)
    page.opens()
    return page


def lives(page: Page, seconds: float, *, attempts_fail: bool) -> None:
    """Time passes without a live socket: attempts fail at once, or hang; polls are answered."""
    until_s, failed, answered = page.now_s + seconds, 0, len(page.polls)
    while page.now_s < until_s:
        if attempts_fail and page.socket > failed:
            failed = page.socket
            page.socket_closes()
        if len(page.polls) > answered:
            answered = len(page.polls)
            page.answers_poll()
        page.wait(STEP_S)


def poll_gaps_s(page: Page) -> list[float]:
    return [later.t_s - one.t_s for one, later in pairwise(page.events(PollStarted))]


def reconnect_waits_s(page: Page) -> list[float]:
    begun = {event.attempt: event.t_s for event in page.events(SocketOpening)}
    return [
        begun[closed.attempt + 1] - closed.t_s
        for closed in page.events(SocketClosed)
        if closed.attempt + 1 in begun
    ]


def moderated(page: Page) -> list[int]:
    """Which lines a moderator hides, one after the other, once all rows are there."""
    page.goes_live()
    for row_id in ROWS:
        page.receives(row(row_id))
    for _ in range(5):
        page.moderates("hide_message")
        hidden = page.events(ModerationStarted)[-1].row_id
        page.answers(page.requests[-1], encoded(CreateAnswer(True, row(hidden, hidden=True))))
    return [event.row_id for event in page.events(ModerationStarted)]


def test_how_often_a_page_reconnects_does_not_move_its_polls() -> None:
    calm, rough = opened(POLICY), opened(POLICY)
    lives(calm, 90.0, attempts_fail=False)
    lives(rough, 90.0, attempts_fail=True)

    assert len(reconnect_waits_s(calm)) < 5 < len(reconnect_waits_s(rough))
    common = min(len(poll_gaps_s(calm)), len(poll_gaps_s(rough)))
    assert common > 15
    assert poll_gaps_s(calm)[:common] == pytest.approx(poll_gaps_s(rough)[:common])


def test_how_often_a_page_polls_does_not_move_its_reconnects() -> None:
    quiet, busy = opened(WITHOUT_POLLS), opened(POLICY)
    for page in (quiet, busy):
        lives(page, 90.0, attempts_fail=True)

    assert len(quiet.polls) == 0
    assert len(busy.polls) > 15
    assert len(reconnect_waits_s(quiet)) > 5
    assert reconnect_waits_s(quiet) == pytest.approx(reconnect_waits_s(busy))


def test_what_a_page_went_through_does_not_move_what_its_moderator_picks() -> None:
    calm, rough = opened(POLICY), opened(POLICY)
    lives(rough, 60.0, attempts_fail=True)
    while rough.socket == len(rough.events(SocketClosed)):  # until an attempt is under way
        rough.wait(STEP_S)

    picked = moderated(calm)
    assert len(set(picked)) > 1
    assert moderated(rough) == picked
