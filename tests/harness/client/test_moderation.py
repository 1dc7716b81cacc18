"""A moderator hides and deletes (R5)."""

from __future__ import annotations

import pytest

from harness.client.policy import POLICIES
from harness.records import LineChanged, ModerationEnded, ModerationStarted, Path
from harness.runsettings import ModerationKind
from harness.wire.api import CreateAnswer
from tests.support.page import Page, encoded, live_page, row


def page_with_rows(*ids: int, policy: str = "plan") -> Page:
    page = live_page(POLICIES[policy])
    for row_id in ids:
        page.receives(row(row_id))
    return page


def outcomes(page: Page) -> list[str]:
    return [one.outcome for one in page.events(ModerationEnded)]


@pytest.mark.parametrize(
    ("act", "method", "path", "change"),
    [
        ("hide_message", "POST", "/api/messages/7/hide", "hidden"),
        ("delete_message", "DELETE", "/api/messages/7", "deleted"),
    ],
)
def test_ones_own_change_is_on_the_screen_with_its_answer(
    act: ModerationKind, method: str, path: str, change: str
) -> None:
    page = page_with_rows(7)
    page.moderates(act)
    request = page.requests[-1]
    page.answers(request, encoded(CreateAnswer(True, row(7, hidden=act == "hide_message"))))

    assert (request.method, request.path) == (method, path)
    assert [(one.row_id, one.act) for one in page.events(ModerationStarted)] == [(7, act)]
    assert outcomes(page) == ["ok"]
    assert [(one.change, one.path) for one in page.events(LineChanged)] == [(change, Path.API)]


def test_one_of_the_newest_that_is_not_hidden_is_taken() -> None:
    page = page_with_rows(*range(1, 21))
    page.receives(row(20, hidden=True), "UPDATE")
    for _ in range(40):
        page.moderates("hide_message")

    assert {one.row_id for one in page.events(ModerationStarted)} == set(range(13, 20))


def test_where_there_is_nothing_to_hide_nothing_is_asked() -> None:
    page = page_with_rows()
    before = len(page.requests)
    page.moderates("hide_message")

    assert len(page.requests) == before


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"<html>", "bad_answer"),
        (encoded(CreateAnswer(False, None, "no")), "refused"),
        (encoded(CreateAnswer(True, None)), "bad_answer"),
        (encoded(CreateAnswer(True, row(8))), "bad_answer"),
    ],
)
def test_an_answer_that_is_no_success_changes_nothing(body: bytes, outcome: str) -> None:
    page = page_with_rows(7)
    page.moderates("hide_message")
    page.answers(page.requests[-1], body)

    assert outcomes(page) == [outcome]
    assert page.events(LineChanged) == []


def test_no_answer_and_a_late_one_end_the_request() -> None:
    page = page_with_rows(7)
    page.moderates("hide_message")
    page.fails(page.requests[-1])
    page.moderates("hide_message")
    page.wait(10.0)

    assert outcomes(page) == ["network", "timeout"]
    assert len(page.aborted) == 1


def test_before_r5_not_even_ones_own_change_is_seen() -> None:
    page = page_with_rows(7, policy="legacy")
    page.moderates("hide_message")
    page.answers(page.requests[-1], encoded(CreateAnswer(True, row(7, hidden=True))))

    assert outcomes(page) == ["ok"]
    assert page.events(LineChanged) == []


def test_nobody_hides_again_what_they_have_hidden_even_where_the_page_does_not_show_it() -> None:
    page = page_with_rows(7, 8, policy="legacy")
    for _ in range(2):
        page.moderates("hide_message")
        row_id = page.events(ModerationStarted)[-1].row_id
        page.answers(page.requests[-1], encoded(CreateAnswer(True, row(row_id, hidden=True))))
    before = len(page.requests)
    page.moderates("hide_message")

    assert {one.row_id for one in page.events(ModerationStarted)} == {7, 8}
    assert len(page.requests) == before
