from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.server.chat.requests import (
    InvalidRequest,
    ListRequest,
    parse_create,
    parse_edit,
    parse_list,
)
from harness.wire.api import CreateRequest, EditRequest
from tests.harness.server.builders import MESSAGE
from tests.harness.server.chat.api import GOOD

MAX_CHARS = 10


def refusal(body: Any) -> str:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    with pytest.raises(InvalidRequest) as caught:
        parse_create(content, MAX_CHARS)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"clientMsgId": "not-a-uuid"}, "clientMsgId"),
        ({"clientMsgId": MESSAGE + "\n"}, "clientMsgId"),
        ({"clientMsgId": None}, "clientMsgId"),
        ({"webinarId": "42"}, "webinarId"),
        ({"webinarId": 42.0}, "webinarId"),
        ({"webinarId": True}, "webinarId"),
        ({"webinarId": 0}, "webinarId"),
        ({"webinarId": -1}, "webinarId"),
        ({"webinarId": 2**63}, "webinarId"),
        ({"body": " \n"}, "body"),
        ({"body": 1}, "body"),
        ({"body": "a\0b"}, "body"),
        ({"body": "x" * (MAX_CHARS + 1)}, "body"),
    ],
)
def test_a_bad_field_is_named(change: dict[str, Any], field: str) -> None:
    assert refusal({**GOOD, **change}).startswith(f"{field}: ")


@pytest.mark.parametrize("field", sorted(GOOD))
def test_a_missing_field_is_named(field: str) -> None:
    left = {name: value for name, value in GOOD.items() if name != field}

    assert refusal(left) == f"{field}: is required"


@pytest.mark.parametrize("field", ["body", "clientMsgId"])
def test_half_a_surrogate_pair_is_no_text_and_its_field_is_named(field: str) -> None:
    content = msgspec.json.encode({**GOOD, field: "HERE"}).replace(b"HERE", rb"\ud83d")

    assert refusal(content) == f"{field}: must not contain half a surrogate pair"


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b'"x"', b'{"body":"\xff"}', b"\xef\xbb\xbf{}"),
        *(b"[" * 60_000, b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}", b'{"\\ud800":1}'),
    ],
)
def test_what_is_no_request_is_refused_as_a_whole(body: bytes) -> None:
    assert refusal(body).startswith("request: ")


def test_the_longest_text_is_counted_in_characters_not_bytes() -> None:
    content = msgspec.json.encode({**GOOD, "body": "안" * MAX_CHARS})

    assert parse_create(content, MAX_CHARS).body == "안" * MAX_CHARS


def test_unknown_fields_are_ignored_and_of_repeated_ones_the_last_counts() -> None:
    content = msgspec.json.encode({**GOOD, "userId": "somebody else"})
    repeated = content[:-1] + b',"body":"last"}'

    assert parse_create(repeated, MAX_CHARS) == CreateRequest(42, MESSAGE, "last")


def test_an_edit_has_a_text_under_the_same_rules() -> None:
    assert parse_edit(b'{"body":"new"}', MAX_CHARS) == EditRequest("new")
    with pytest.raises(InvalidRequest, match=r"^body: "):
        parse_edit(b'{"body":""}', MAX_CHARS)


@given(st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(repr))
def test_arbitrary_bytes_are_a_request_or_refused(body: bytes | str) -> None:
    content = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    with suppress(InvalidRequest):
        parse_create(content, MAX_CHARS)


FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "webinarId": st.integers() | st.text() | st.none() | st.floats(allow_nan=False),
        "clientMsgId": st.just(MESSAGE) | st.text() | st.integers(),
        "body": st.text() | st.none(),
    },
)


@given(FIELDS)
def test_whatever_is_let_through_can_be_stored(fields: dict[str, Any]) -> None:
    try:
        content = msgspec.json.encode(fields)
        asked = parse_create(content, MAX_CHARS)
    except (InvalidRequest, UnicodeEncodeError):
        return
    assert 1 <= asked.webinar_id < 2**63
    assert 0 < len(asked.body) <= MAX_CHARS
    assert "\0" not in asked.body
    asked.body.encode()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "webinarId"),
        ({"webinarId": "x"}, "webinarId"),
        ({"webinarId": "-1"}, "webinarId"),
        ({"webinarId": "0"}, "webinarId"),
        ({"webinarId": "9223372036854775808"}, "webinarId"),
        ({"webinarId": "9" * 5000}, "webinarId"),
        ({"webinarId": "1", "limit": "0"}, "limit"),
        ({"webinarId": "1", "limit": "501"}, "limit"),
        ({"webinarId": "1", "after": ""}, "after"),
        ({"webinarId": "1", "after": "-1"}, "after"),
        ({"webinarId": "1", "after": "\u0661"}, "after"),
        ({"webinarId": "1", "after": "1\n"}, "after"),
    ],
)
def test_a_bad_parameter_is_named(query: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_list(query.items())

    assert str(caught.value).startswith(f"{field}: must be a whole number from ")


def test_a_parameter_that_is_given_twice_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"^after: must be given once"):
        parse_list([("webinarId", "1"), ("after", "1"), ("after", "2")])


def test_a_poll_without_after_asks_for_the_history() -> None:
    assert parse_list([("webinarId", "1"), ("_", "x"), ("_", "y")]) == ListRequest(1, None, 50)
    assert parse_list([("webinarId", "1"), ("after", "0"), ("limit", "7")]) == ListRequest(1, 0, 7)
