"""What ``after`` is, and which gaps each way of keeping it loses (F4, H1, H5)."""

from __future__ import annotations

from itertools import accumulate
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.client.cursor import Cursor
from harness.client.policy import Policy
from tests.support.page import ME, Page, live_page, row

Mode = Literal["last_seen", "confirmed"]
MODES = pytest.mark.parametrize("mode", ["last_seen", "confirmed"])


def asks_after(page: Page) -> int:
    return int(page.polls[-1].path.split("after=")[1].split("&")[0])


def policy(mode: Mode) -> Policy:
    return Policy(name=mode, cursor=mode, poll_on_subscribed=True)


@pytest.mark.parametrize(("mode", "after"), [("last_seen", 121), ("confirmed", 99)])
def test_h5_a_row_after_a_gap_moves_the_last_seen_cursor_over_it(mode: Mode, after: int) -> None:
    page = Page(Policy(name=mode, cursor=mode))
    page.starts()
    page.answers_history([row(99)])
    page.goes_live()
    page.socket_closes()
    page.wait(1.0)  # rows 100 to 120 are committed meanwhile
    page.goes_live()

    page.receives(row(121))
    page.wait(10.0)

    assert asks_after(page) == after


@pytest.mark.parametrize(("mode", "after"), [("last_seen", 8), ("confirmed", 0)])
def test_ones_own_answer_proves_nothing_about_the_rows_before_it(mode: Mode, after: int) -> None:
    page = live_page(Policy(name=mode, cursor=mode))
    key = page.types()
    page.answers_send(row(8, by=ME, client_msg_id=key))

    page.wait(10.0)

    assert asks_after(page) == after


@MODES
def test_after_a_whole_poll_on_a_live_channel_rows_move_the_cursor(mode: Mode) -> None:
    page = live_page(policy(mode))

    page.receives(row(5))
    page.wait(10.0)

    assert asks_after(page) == 5


def test_a_poll_that_began_before_system_ok_confirms_nothing_after_it() -> None:
    page = Page(Policy(name="p", cursor="confirmed", fallback_after_failures=1))
    page.opens()
    page.socket_closes()
    page.wait(1.0)
    page.goes_live()
    page.answers_poll([row(1)])

    page.receives(row(9))
    page.wait(10.0)

    assert asks_after(page) == 1


def test_a_poll_during_which_the_channel_was_lost_confirms_nothing_after_it() -> None:
    page = live_page(policy("confirmed"))
    page.system()
    page.socket_closes()
    page.wait(1.0)
    page.socket_opens()
    page.answers_poll([row(1)])
    page.join_answered()

    page.receives(row(9))
    page.system()

    assert asks_after(page) == 1


def test_h4_the_first_row_after_a_silence_is_no_proof_of_those_before_it() -> None:
    """Joined and mute for a while: polls bring what Realtime does not, and say nothing of what it
    throws away after the last of them."""
    page = live_page(Policy(name="p", cursor="confirmed", poll_on_release=True))
    page.receives(row(1))
    page.wait(10.0)
    page.answers_poll([row(2)])

    page.receives(row(9))

    assert asks_after(page) == 2


@pytest.mark.parametrize(("mode", "after"), [("last_seen", 90), ("confirmed", 3)])
def test_the_last_rows_alone_move_only_the_last_seen_cursor_over_what_lies_between(
    mode: Mode, after: int
) -> None:
    page = Page(Policy(name=mode, cursor=mode, poll_limit=2))
    page.starts()
    page.wait(10.0)  # the history takes its time: the first poll asks for the last rows
    page.answers_history([row(3)])
    page.answers_poll([row(89), row(90)])

    page.wait(3.5)

    assert asks_after(page) == after


@pytest.mark.parametrize(("mode", "after"), [("last_seen", 90), ("confirmed", 3)])
def test_a_late_history_is_no_proof_of_what_lies_before_it(mode: Mode, after: int) -> None:
    page = Page(Policy(name=mode, cursor=mode, history_limit=2))
    page.starts()
    page.wait(10.0)
    page.answers_poll([row(3)])
    page.answers_history([row(89), row(90)])

    page.wait(3.5)

    assert asks_after(page) == after


@MODES
def test_h1_an_id_committed_out_of_order_is_skipped_by_either_cursor(mode: Mode) -> None:
    cursor = Cursor(mode)

    # 10 was allocated before, committed later
    cursor.read((11, 11), 0.0, asked_s=0.0, asked_after=9, whole=True, since_live=False)

    assert cursor.after == 11


steps = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(1, 50), st.booleans(), st.booleans()),
        st.tuples(st.just("pushed"), st.integers(1, 50)),
        st.tuples(st.just("acknowledged"), st.integers(1, 50)),
        st.tuples(st.just("not_live")),
    )
)


@given(mode=st.sampled_from(["last_seen", "confirmed"]), steps=steps)
def test_the_cursor_never_goes_back(mode: Mode, steps: list[tuple[str, int, bool, bool]]) -> None:
    cursor = Cursor(mode)
    positions = [-1]
    for what, *values in steps:
        match what:
            case "read":
                whole, since_live = bool(values[1]), bool(values[2])
                ends = (values[0], values[0])
                cursor.read(
                    ends,
                    0.0,
                    asked_s=0.0,
                    asked_after=None,
                    whole=whole,
                    since_live=since_live,
                )
            case "not_live":
                cursor.not_live()
            case _:
                getattr(cursor, what)(values[0], 0.0)
        positions.append(-1 if cursor.after is None else cursor.after)

    assert positions == sorted(positions)


def overlapping(overlap_s: float = 10.0) -> Cursor:
    """A cursor that looks back, of a page that opened in an empty room at 0 s."""
    cursor = Cursor("confirmed", overlap_s=overlap_s)
    cursor.read(None, 0.0, asked_s=0.0, asked_after=None, whole=True, since_live=True)
    return cursor


def test_h1_a_cursor_with_an_overlap_looks_back_from_when_the_page_knew_everything() -> None:
    cursor = overlapping()
    asked = []
    for row_id, at_s in ((5, 20.0), (6, 25.0), (7, 29.0), (8, 30.0), (9, 60.0)):
        cursor.pushed(row_id, at_s)
        asked.append(cursor.ask_after())

    assert cursor.after == 9
    assert asked == [0, 0, 0, 5, 8]
    cursor.not_live()  # however long ago that is: rows of that moment may come yet
    assert cursor.ask_after() == 8
    cursor.read((9, 9), 90.0, asked_s=89.0, asked_after=8, whole=True, since_live=False)
    assert cursor.ask_after() == 9


def test_h1_an_overlap_without_anything_old_enough_goes_back_to_the_first_row_read() -> None:
    cursor = Cursor("confirmed", overlap_s=10.0)
    cursor.read((51, 100), 3.0, asked_s=2.0, asked_after=None, whole=False, since_live=False)

    assert cursor.ask_after() == 50
    cursor.read((101, 101), 15.0, asked_s=14.0, asked_after=50, whole=True, since_live=False)
    assert cursor.ask_after() == 100


@given(gaps_s=st.lists(st.floats(0, 4), max_size=60), overlap_s=st.floats(0.5, 20))
def test_h1_no_row_that_was_passed_within_the_overlap_is_left_out(
    gaps_s: list[float], overlap_s: float
) -> None:
    cursor = overlapping(overlap_s)
    moments = list(accumulate(gaps_s))
    for row_id, at_s in enumerate(moments, start=1):
        cursor.pushed(row_id, at_s)

    asked = cursor.ask_after()

    assert asked is not None
    last_s = moments[-1] if moments else 0.0
    old = [number for number, at_s in enumerate(moments, 1) if at_s <= last_s - overlap_s]
    assert asked <= max(old, default=0)
    assert len(cursor._passed) <= overlap_s + 3
