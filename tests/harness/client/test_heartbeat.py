"""Heartbeats that a Web Worker counts (`worker: true`): in a hidden tab, and one refused."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from harness.client.browser import CHROME
from harness.client.library import CURRENT, LEGACY, LIBRARIES, Library
from harness.client.policy import Policy
from harness.records import ChannelChanged
from tests.support.page import Page

CALM = Policy(name="calm", fallback=False)
WITH_WORKER = Policy(name="with a worker", fallback=False, heartbeat_worker=True)
HIDDEN_FOR_S = 900.0
every_library = pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES.keys())


def live(policy: Policy, library: Library, *, worker_refused: bool = False) -> Page:
    page = Page(
        policy,
        library=library,
        throttling=CHROME.throttling(Random(1)),
        worker_refused=worker_refused,
    )
    page.heartbeats_are_answered = True
    page.opens()
    page.goes_live()
    return page


def beats_at_s(page: Page, seconds: float) -> list[float]:
    """When heartbeats go out in this time."""
    found, until_s = [], page.now_s + seconds
    while (due_s := page.session.next_wake_s) <= until_s:
        known = len(page.frames("heartbeat"))
        page.wait(max(0.0, due_s - page.now_s))
        if len(page.frames("heartbeat")) > known:
            found.append(page.now_s)
    page.wait(until_s - page.now_s)
    return found


def hidden_gaps_s(page: Page) -> set[float]:
    """Between the heartbeats of a tab that has been hidden for longer than five minutes."""
    page.visible(False)
    page.wait(HIDDEN_FOR_S)
    beats = beats_at_s(page, HIDDEN_FOR_S)
    return {round(after - before, 3) for before, after in pairwise(beats)}


@every_library
def test_h10_a_hidden_tab_does_not_slow_a_worker_down(library: Library) -> None:
    assert hidden_gaps_s(live(WITH_WORKER, library)) == {25.0}


def test_h10_without_a_worker_an_interval_comes_once_a_minute() -> None:
    assert hidden_gaps_s(live(CALM, LEGACY)) == {60.0}


def test_a_heartbeat_that_nobody_answers_is_missed_at_the_workers_next_turn() -> None:
    """The library's own timer of 25 s is the page's: in a hidden tab it comes later."""
    page = live(WITH_WORKER, CURRENT)
    page.visible(False)
    page.wait(HIDDEN_FOR_S)
    page.heartbeats_are_answered = False

    last_s = beats_at_s(page, 30.0)[-1]
    page.wait(60.0)

    (errored,) = [one for one in page.events(ChannelChanged) if one.status == "errored"]
    assert errored.reason == "heartbeat timeout"
    assert errored.t_s == pytest.approx(last_s + 25.0)


def test_a_refused_worker_makes_the_library_hang_up_for_good() -> None:
    page = live(WITH_WORKER, CURRENT, worker_refused=True)

    page.wait(0.1)
    (close,) = page.closes_of_sockets
    page.socket_closes(1005)
    page.visible(False)
    page.visible(True)
    page.wait(600.0)

    assert close.code is None
    assert [one.what for one in page.findings] == ["worker_refused"]
    assert page.socket == 1
    assert page.events(ChannelChanged)[-1].status == "errored"
    assert page.frames("heartbeat") == []


def test_before_2_100_a_refused_worker_only_means_no_heartbeats() -> None:
    page = live(WITH_WORKER, LEGACY, worker_refused=True)

    page.wait(600.0)

    assert page.closes_of_sockets == []
    assert page.frames("heartbeat") == []
    assert page.session.is_live


@every_library
def test_a_page_that_starts_no_worker_does_not_mind_the_policy(library: Library) -> None:
    page = live(CALM, library, worker_refused=True)

    assert beats_at_s(page, 80.0) == [25.0, 50.0, 75.0]
