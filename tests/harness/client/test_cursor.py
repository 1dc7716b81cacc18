"""What ``after`` is, and which gaps each way of keeping it loses (F4, H1, H5)."""

from __future__ import annotations

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

    cursor.read(
        11, asked_after=9, whole=True, since_live=False
    )  # 10 was allocated before, committed later

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
                cursor.read(values[0], asked_after=None, whole=whole, since_live=since_live)
            case "not_live":
                cursor.not_live()
            case _:
                getattr(cursor, what)(values[0])
        positions.append(-1 if cursor.after is None else cursor.after)

    assert positions == sorted(positions)
