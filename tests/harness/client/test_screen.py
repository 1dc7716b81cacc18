"""What stands on the screen: rows, bubbles, their order and their changes (R4, R5, H2)."""

from __future__ import annotations

import pytest

from harness.client.message_list import Bubble, MessageList
from harness.client.policy import POLICIES, Policy
from harness.records import Fate, LineChanged, PageClosed, Path
from harness.wire.changes import MessageRow
from tests.support.page import ME, Page, live_page, message_id, polling_page, row

LEGACY = POLICIES["legacy"]
REREADING = Policy(name="rereading", reread_every=2, cursor="confirmed")


def screen_of(policy: Policy = POLICIES["plan"]) -> MessageList:
    return MessageList(policy)


def arrived(screen: MessageList, one: MessageRow, now_s: float = 0.0) -> str:
    return screen.arrive(one, screen.bubble_of(one, now_s)).name


def line_changes(page: Page) -> list[tuple[int, str, Path]]:
    return [(one.row_id, one.change, one.path) for one in page.events(LineChanged)]


# -- rows and bubbles (R4, S5) --------------------------------------------------------------


def test_a_row_that_is_on_the_screen_is_suppressed() -> None:
    screen = screen_of()

    assert [arrived(screen, row(1)), arrived(screen, row(1))] == ["SHOWN", "SUPPRESSED"]


def test_s5_a_second_row_with_ones_own_id_is_a_second_line() -> None:
    screen = screen_of()
    screen.show_bubble("a", "hello", 0.0)
    rows = [row(number, by=ME, client_msg_id="a") for number in (1, 2)]

    # the server broke S5: the person sees it twice
    assert [arrived(screen, one) for one in rows] == ["SWAPPED", "SHOWN"]


def test_r4_a_bubble_matches_by_its_id_alone() -> None:
    screen = screen_of()
    screen.show_bubble("a", "hello", 0.0)

    assert arrived(screen, row(1, by=ME, client_msg_id="b", body="hello")) == "SHOWN"
    assert screen.bubbles(Bubble.SENDING) == ("a",)
    assert arrived(screen, row(2, by=ME, client_msg_id="a", body="else")) == "SWAPPED"
    assert screen.bubbles(Bubble.SENDING) == ()


def test_before_r4_the_oldest_bubble_of_the_same_text_is_replaced_while_it_is_new() -> None:
    screen = screen_of(LEGACY)
    for number, typed_s in enumerate((0.0, 4.0)):
        screen.show_bubble(f"bubble {number}", "hello", typed_s)

    assert arrived(screen, row(1, by=ME, body="else"), 5.0) == "SHOWN"
    assert arrived(screen, row(2, by=ME, body="hello"), 5.0) == "SWAPPED"
    assert screen.bubbles(Bubble.SENDING) == ("bubble 1",)
    assert arrived(screen, row(2, by=ME, body="hello"), 6.0) == "SUPPRESSED"
    assert arrived(screen, row(3, by=ME, body="hello"), 30.0) == "SHOWN"  # too late
    assert screen.bubbles(Bubble.SENDING) == ("bubble 1",)


# -- the order ------------------------------------------------------------------------------


@pytest.mark.parametrize(("policy", "inversions"), [("plan", 0), ("legacy", 2)])
def test_neighbours_against_the_order_of_ids_are_counted(policy: str, inversions: int) -> None:
    page = live_page(POLICIES[policy])
    for row_id in (5, 3, 4, 2):
        page.receives(row(row_id))
    page.closes()

    (closed,) = page.events(PageClosed)
    assert closed.inversions == inversions


def test_a_history_that_comes_late_stands_before_what_came_meanwhile() -> None:
    page = Page(LEGACY)
    page.starts()
    page.goes_live()
    page.receives(row(9))
    page.answers_history([row(7), row(8)])
    page.receives(row(10))
    page.closes()

    assert page.events(PageClosed)[0].inversions == 0


# -- spinners before the plan ---------------------------------------------------------------


def test_before_the_plan_only_ones_own_row_ends_the_spinner() -> None:
    page = live_page(LEGACY)
    key = page.types(0)
    page.answers_send(row(1, by=ME, client_msg_id=key, body="hello"))
    page.types(1)
    page.fails(page.sends[1])
    page.types(2)
    page.wait(9.0)
    page.receives(row(1, by=ME, client_msg_id=key, body="hello"))
    page.heartbeats_are_answered = True
    page.wait(300.0)
    page.closes()

    (closed,) = page.events(PageClosed)
    assert closed.pending == (message_id(1), message_id(2))
    assert closed.failed == ()
    assert page.aborted == []
    assert page.screen == [(1, Path.REALTIME, Fate.SWAPPED)]


# -- changes of lines (R5) ------------------------------------------------------------------


def test_r5_updates_and_deletes_change_the_line_with_their_id() -> None:
    page = live_page()
    page.receives(row(1))
    for hidden in (True, False):
        page.receives(row(1, hidden=hidden), "UPDATE")
    page.receives(row(1, body="other words"), "UPDATE")
    page.receives(row(1), "DELETE")
    page.receives(row(1), "DELETE")
    page.receives(row(2), "UPDATE")  # nobody sees that row

    assert [change for _, change, _ in line_changes(page)] == [
        *("hidden", "shown", "edited", "deleted")
    ]


def test_r5_a_deleted_row_does_not_come_back_by_a_slower_path() -> None:
    page = live_page()
    page.receives(row(1))
    page.receives(row(1), "DELETE")
    page.receives(row(1))
    page.receives(row(2), "DELETE")  # before its own INSERT came
    page.receives(row(2))

    assert [fate.name for _, _, fate in page.screen] == ["SHOWN", "SUPPRESSED", "SUPPRESSED"]


def test_before_r5_no_line_ever_changes() -> None:
    page = live_page(LEGACY)
    page.receives(row(1))
    page.receives(row(1), "DELETE")
    page.receives(row(1, hidden=True), "UPDATE")

    assert line_changes(page) == []


def test_a_row_without_a_usable_id_deletes_nothing() -> None:
    page = live_page()
    page.receives(row(1))
    data = {"type": "DELETE", "old_record": {"id": "1"}}
    page.frame("postgres_changes", {"data": data, "ids": [1]})
    page.frame("postgres_changes", {"data": {"type": "DELETE", "old_record": {}}, "ids": [1]})

    assert line_changes(page) == []


# -- reading the last rows again (H2) -------------------------------------------------------


def rereads(page: Page) -> list[str]:
    return [poll.path for poll in page.polls if "after=" not in poll.path]


def test_h2_every_nth_poll_of_the_fallback_reads_the_last_rows_and_changes_the_lines() -> None:
    page = polling_page(REREADING)
    page.wait(3.5)
    page.answers_poll([row(1), row(2), row(3)])
    page.wait(3.5)
    page.answers_poll()
    page.wait(3.5)

    assert len(rereads(page)) == 2  # the second and the fourth poll
    page.answers_poll([row(1, hidden=True), row(3, body="changed")])

    assert line_changes(page) == [
        (2, "deleted", Path.POLL),
        (1, "hidden", Path.POLL),
        (3, "edited", Path.POLL),
    ]


def reread(screen: MessageList, *rows: MessageRow, whole: bool = True) -> list[tuple[int, str]]:
    return list(screen.reread(rows, whole=whole, up_to_id=screen.newest_id))


def test_h2_rows_before_the_first_that_was_read_again_stay() -> None:
    screen = screen_of(REREADING)
    for row_id in (1, 2, 3, 4):
        arrived(screen, row(row_id))
    screen.reread_asked()

    assert reread(screen, row(3), whole=False) == [(4, "deleted")]


def test_h2_what_came_while_the_last_rows_were_read_again_stays_as_it_is() -> None:
    screen = screen_of(REREADING)
    arrived(screen, row(1))
    up_to_id = screen.reread_asked()
    arrived(screen, row(2))
    screen.update(row(1, body="newer"))

    assert screen.reread([row(1)], whole=True, up_to_id=up_to_id) == []
    assert screen.shows(2)
    assert reread(screen, row(1), row(2)) == []  # still: it changed after the question


def test_h2_an_empty_room_means_that_all_lines_are_gone() -> None:
    screen = screen_of(REREADING)
    arrived(screen, row(1))
    screen.reread_asked()

    assert reread(screen) == [(1, "deleted")]
    assert screen.newest_id == 0
