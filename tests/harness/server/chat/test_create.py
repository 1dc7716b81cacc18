from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from harness.server.knobs import Knobs
from tests.harness.server.asgi import json_bytes
from tests.harness.server.builders import MESSAGE, TOKENS, USER, anon_token, user_token
from tests.harness.server.chat.api import GOOD, NOW_S, Api, bearer, error_of, row_of

LIMIT = Knobs().max_request_bytes


def test_a_send_answers_with_the_whole_message(api: Api) -> None:
    row = row_of(api.post())

    assert (row.id, row.webinar_id, row.user_id) == (1, 42, USER)
    assert (row.client_msg_id, row.body, row.hidden) == (MESSAGE, "hi", False)
    assert row.created_at == TOKENS.wall_time.timestamptz(NOW_S)
    assert api.rows() == [row]


def test_a_repeated_send_answers_success_with_the_same_row(api: Api) -> None:
    first, again = api.post(), api.post({**GOOD, "clientMsgId": MESSAGE.upper()})

    assert again.status == 200
    assert again.content == first.content
    assert api.rows() == [row_of(first)]


def test_only_a_repeated_send_is_told_to_who_wants_to_know(api: Api) -> None:
    row = row_of(api.post())
    assert api.repeats == []
    api.post()

    assert api.repeats == [row]


def test_a_bad_field_is_answered_400(api: Api) -> None:
    response = api.post({**GOOD, "clientMsgId": "no"})

    assert response.status == 400
    assert error_of(response) == "clientMsgId: must be a UUID"


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("Authorization", "Bearer"),),
        (("Authorization", "Basic x"),),
        (("Authorization", "Bearer nonsense"),),
        (("Authorization", "Bearer \xff"),),
        (("Authorization", f"Bearer {user_token(lifetime_s=50)}"),),
        (("Authorization", f"Bearer {anon_token()}"),),
    ],
)
def test_without_a_users_token_sends_and_polls_answer_401(
    api: Api, headers: Iterable[tuple[str, str]]
) -> None:
    poll = api.get("/api/messages?webinarId=1", headers=headers)
    for response in (api.post(headers=headers), poll):
        assert response.status == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert error_of(response).startswith("Authorization: ")


def test_a_user_is_a_uuid_however_it_is_written(api: Api) -> None:
    assert row_of(api.post(headers=bearer(user_id=USER.upper()))).user_id == USER
    nobody = api.post(headers=bearer(user_id="nobody"))

    assert nobody.status == 401
    assert error_of(nobody) == "Authorization: the token names no user (claim `sub`, a UUID)"


@pytest.mark.parametrize("kind", ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded"])
def test_a_body_that_is_not_json_is_answered_415(api: Api, kind: str) -> None:
    response = api.post(headers=(*bearer(), ("Content-Type", kind)))

    assert response.status == 415
    assert error_of(response).startswith("Content-Type: ")


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_a_body_that_is_json_is_taken(api: Api, kind: str) -> None:
    assert api.post(headers=(*bearer(), ("Content-Type", kind))).status == 200


def padded(size_bytes: int) -> bytes:
    """A good send of this size; what fills it is ignored."""
    content = json_bytes({**GOOD, "ignored": ""})
    return content.replace(b'""', b'"' + b"x" * (size_bytes - len(content)) + b'"')


def test_a_request_over_the_limit_answers_413(api: Api) -> None:
    response = api.post(padded(LIMIT + 1))

    assert response.status == 413
    assert str(LIMIT) in error_of(response)
    assert api.post(padded(LIMIT)).status == 200


def test_a_request_of_undeclared_length_is_bounded_too(api: Api) -> None:
    response = api.post(b"", chunks=[b"x" * 1024] * (LIMIT // 1024 + 1))

    assert response.status == 413
    error_of(response)


def test_the_limits_are_knobs_that_turn_while_it_runs(api: Api) -> None:
    api.knobs(max_body_chars=2)
    assert error_of(api.post({**GOOD, "body": "xxx"})) == "body: must not exceed 2 characters"
    api.knobs(max_request_bytes=20)
    assert api.post().status == 413


def test_an_unexpected_error_answers_500_in_the_same_shape(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **options: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(api.storage, "create", fail)
    response = api.post()

    assert response.status == 500
    assert error_of(response) == "internal error (ZeroDivisionError)"
    assert "x-request-id" in response.headers
