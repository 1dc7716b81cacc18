"""Timers of hidden pages: the arithmetic, and what it makes of the page's own timers (H10)."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.client.browser import CHROME
from harness.client.effects import Effects
from harness.client.policy import Policy
from harness.client.throttling import (
    CHAINED_FROM,
    PHASES,
    Throttling,
    draw_phase_s,
    run_at_s,
)
from harness.records import PollStarted
from tests.support.page import ListSink, Page

TIMES = st.floats(0, 1e7, allow_nan=False)
NESTINGS = st.integers(1, 50)
RULES = st.builds(
    Throttling,
    align_s=st.sampled_from((0.5, 1.0, 2.0)),
    chained_align_s=st.sampled_from((10.0, 60.0)),
    chained_after_s=st.sampled_from((0.0, 10.0, 300.0)),
    phase_s=st.integers(0, PHASES - 1).map(lambda n: n * 60.0 / PHASES),
)
CLOSE = 1e-6


def run(due_s: float, *, nesting: int, hidden_since_s: float | None, rules: Throttling) -> float:
    return run_at_s(due_s, nesting=nesting, hidden_since_s=hidden_since_s, rules=rules)


@given(due_s=TIMES, hidden_since_s=TIMES | st.none(), nesting=NESTINGS, rules=RULES)
@example(due_s=299.9999999, hidden_since_s=0.0, nesting=5, rules=Throttling())
@example(due_s=0.1 + 0.2, hidden_since_s=0.0, nesting=1, rules=Throttling(phase_s=0.3))
def test_no_timer_runs_early_or_more_than_one_alignment_late(
    due_s: float, hidden_since_s: float | None, nesting: int, rules: Throttling
) -> None:
    late_s = run(due_s, nesting=nesting, hidden_since_s=hidden_since_s, rules=rules) - due_s

    assert 0 <= late_s < rules.chained_align_s + CLOSE
    if nesting < CHAINED_FROM:
        assert late_s < rules.align_s + CLOSE


@given(due_s=TIMES, nesting=NESTINGS, rules=RULES)
def test_a_hidden_page_wakes_only_at_multiples_on_its_machines_clock(
    due_s: float, nesting: int, rules: Throttling
) -> None:
    deep = nesting >= CHAINED_FROM and due_s >= rules.chained_after_s
    align_s = rules.chained_align_s if deep else rules.align_s

    at_s = run(due_s, nesting=nesting, hidden_since_s=0.0, rules=rules)

    turns = (at_s - rules.phase_s) / align_s
    assert turns == pytest.approx(round(turns), abs=CLOSE)


@given(due_s=TIMES, nesting=NESTINGS, rules=RULES)
def test_what_is_due_while_the_page_is_visible_is_punctual(
    due_s: float, nesting: int, rules: Throttling
) -> None:
    assert run(due_s, nesting=nesting, hidden_since_s=None, rules=rules) == due_s
    assert run(due_s, nesting=nesting, hidden_since_s=due_s + 1, rules=rules) == due_s


@given(first_s=TIMES, second_s=TIMES, rules=RULES)
def test_timers_of_machines_with_one_phase_run_at_the_very_same_moments(
    first_s: float, second_s: float, rules: Throttling
) -> None:
    """Exactly equal floats: that is what lets a process wake them together."""
    one, other = (
        run(due_s, nesting=1, hidden_since_s=0.0, rules=rules) for due_s in (first_s, second_s)
    )

    assert one == other or abs(one - other) >= rules.align_s - CLOSE


def test_machines_do_not_all_wake_at_the_same_moment() -> None:
    phases = {draw_phase_s(60.0, Random(seed)) for seed in range(200)}

    assert len(phases) > 150
    assert all(0 <= phase_s < 60 for phase_s in phases)
    assert len({round(phase_s % 1.0, 6) for phase_s in phases}) <= PHASES / 60


# -- the page's own timers ----------------------------------------------------------------------

POLLER = Policy(name="poller", poll_jitter_s=0.0, pause_unseen=False, fallback_after_failures=1)
CHROME_TIMERS = CHROME.throttling(Random(1))


def polling_page(throttling: Throttling | None = CHROME_TIMERS) -> Page:
    """A page without a socket that polls, hidden or not."""
    page = Page(POLLER, throttling=throttling)
    page.opens()
    page.socket_closes()
    page.answers_poll()
    return page


def poll_on(page: Page, seconds: float) -> list[float]:
    """The moments of the polls in this time, each answered at once."""
    until_s, known = page.now_s + seconds, len(page.events(PollStarted))
    while (due_s := page.session.next_wake_s) <= until_s:
        polls, attempts = len(page.polls), page.socket
        page.wait(max(0.0, due_s - page.now_s))
        if len(page.polls) > polls:
            page.answers_poll()
        if page.socket > attempts:
            page.socket_closes()
    page.wait(until_s - page.now_s)
    return [poll.t_s for poll in page.events(PollStarted)[known:]]


def gaps_s(moments: list[float]) -> list[float]:
    return [after - before for before, after in pairwise(moments)]


def test_polls_of_a_hidden_page_come_with_its_seconds_and_after_five_minutes_once_a_minute() -> (
    None
):
    page = polling_page()
    page.visible(False)

    young, old = poll_on(page, 299.0), poll_on(page, 600.0)

    assert gaps_s(young)[1:] == pytest.approx([3.0] * (len(young) - 2))
    assert gaps_s(old)[2:] == pytest.approx([60.0] * (len(old) - 3))
    assert len(old) == pytest.approx(10, abs=2)


def test_polls_that_were_chained_in_front_are_chained_behind() -> None:
    """The depth of a chain does not begin anew when the tab is hidden."""
    rules = Throttling(chained_after_s=0.0)
    page = polling_page(rules)
    poll_on(page, 30.0)
    page.visible(False)

    assert gaps_s(poll_on(page, 300.0)) == pytest.approx([60.0] * 4)


def test_a_page_that_no_browser_slows_down_polls_on_hidden() -> None:
    page = polling_page(None)
    page.visible(False)

    assert gaps_s(poll_on(page, 400.0)) == pytest.approx([3.0] * 132, abs=CLOSE)


def test_overdue_timers_run_as_soon_as_the_tab_shows() -> None:
    page = polling_page()
    page.visible(False)
    poll_on(page, 400.0)
    polls = len(page.polls)
    due_s = page.session.next_wake_s
    page.now_s = due_s - 20.0
    assert len(page.polls) == polls

    page.visible(True)

    assert page.session.next_wake_s <= page.now_s
    page.wait(0.0)
    assert len(page.polls) == polls + 1


def test_heartbeats_that_answers_set_anew_come_with_the_seconds_after_an_hour_too() -> None:
    page = Page(Policy(name="calm", fallback=False), throttling=CHROME_TIMERS)
    page.heartbeats_are_answered = True
    page.opens()
    page.goes_live()
    page.visible(False)
    page.wait(3_600.0)

    before = len(page.frames("heartbeat"))
    page.wait(260.0)

    assert len(page.frames("heartbeat")) - before in (10, 11)


def test_a_timer_that_stands_for_events_is_no_link_of_a_chain() -> None:
    """Silence is timed anew by every row, whose handler no timer runs (Chrome counts nesting)."""
    runs = []
    for afresh in (True, False):
        effects = Effects(user=1, sink=ListSink(), throttling=Throttling())
        effects.hidden(0.0)
        effects.wake_at("silence", 1.0)
        now_s = 0.0
        for _ in range(40):  # once every ten seconds
            now_s = max(now_s + 10.0, effects.next_wake_s)
            assert effects.pop_due(now_s) == "silence"
            effects.wake_at("silence", now_s + 10.0, afresh=afresh)
            assert effects.pop_due(now_s) is None
        runs.append(now_s)

    assert runs[0] < runs[1]
