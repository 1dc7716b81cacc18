from __future__ import annotations

from typing import Any

import pytest

from harness.wire.changes import MessageRow
from tests.harness.server.asgi import Answer
from tests.harness.server.chat.api import OTHER, Api, bearer, error_of, row_of

MODERATOR = bearer("moderator", user_id=OTHER)


def ask(api: Api, method: str, path: str, body: Any = b"", headers: Any = MODERATOR) -> Answer:
    answer: Answer = api.run(lambda: api.ask(method, path, body, headers=headers))
    return answer


@pytest.fixture
def row(api: Api) -> MessageRow:
    return row_of(api.post())


def test_hiding_and_showing_again_answer_with_the_whole_row(api: Api, row: MessageRow) -> None:
    hidden = row_of(ask(api, "POST", f"/api/messages/{row.id}/hide"))
    shown = row_of(ask(api, "POST", f"/api/messages/{row.id}/unhide"))

    assert (hidden.id, hidden.body, hidden.hidden) == (row.id, row.body, True)
    assert shown == row
    assert api.rows() == [row]


def test_an_edit_changes_the_text_alone(api: Api, row: MessageRow) -> None:
    edited = row_of(ask(api, "PATCH", f"/api/messages/{row.id}", {"body": "new"}, bearer()))

    assert edited.body == "new"
    assert (edited.id, edited.created_at, edited.hidden) == (row.id, row.created_at, False)
    assert api.rows() == [edited]


def test_a_deletion_answers_with_the_row_as_it_was(api: Api, row: MessageRow) -> None:
    assert row_of(ask(api, "DELETE", f"/api/messages/{row.id}")) == row
    assert api.rows() == []
    assert ask(api, "DELETE", f"/api/messages/{row.id}").status == 404


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"body": " "}, "body: must not be empty"),
        ({}, "body: is required"),
        (b"{", "request: not JSON"),
    ],
)
def test_a_bad_edit_is_named_with_400(
    api: Api, row: MessageRow, body: dict[str, str] | bytes, error: str
) -> None:
    response = ask(api, "PATCH", f"/api/messages/{row.id}", body)

    assert response.status == 400
    assert error_of(response).startswith(error)


@pytest.mark.parametrize("path", ["x", "0", "-1", "9223372036854775808", "9" * 5000])
def test_what_is_no_id_is_named_with_400(api: Api, path: str) -> None:
    response = ask(api, "DELETE", f"/api/messages/{path}")

    assert response.status == 400
    assert error_of(response).startswith("id: ")


ROUTES = [("POST", "/hide"), ("POST", "/unhide"), ("PATCH", ""), ("DELETE", "")]


@pytest.mark.parametrize(("method", "end"), ROUTES)
def test_an_outsider_cannot_tell_a_message_from_none(
    api: Api, row: MessageRow, method: str, end: str
) -> None:
    outsider = bearer("presenter", webinar="43")
    there = ask(api, method, f"/api/messages/{row.id}{end}", {"body": "new"}, outsider)
    nowhere = ask(api, method, f"/api/messages/777{end}", {"body": "new"}, outsider)

    assert there.status == nowhere.status == 404
    assert error_of(there) == error_of(nowhere).replace("777", str(row.id))
    assert api.rows() == [row]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_an_author_who_is_no_member_any_more_changes_nothing(
    api: Api, row: MessageRow, method: str
) -> None:
    left = bearer(webinar="43")

    assert ask(api, method, f"/api/messages/{row.id}", {"body": "new"}, left).status == 404
    assert api.rows() == [row]
