from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from starlette import types as asgi
from starlette.requests import Request

from harness.server.bodies import BodyCutOff, BodyTooLarge, is_json, read_body

LIMIT = 10


def read(messages: Iterable[asgi.Message], declared: str | None = None) -> bytes:
    left = iter(messages)
    headers = [] if declared is None else [(b"content-length", declared.encode())]

    async def receive() -> asgi.Message:
        return next(left)

    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    return asyncio.run(read_body(request, LIMIT))


def chunk(content: bytes, *, more: bool = True) -> asgi.Message:
    return {"type": "http.request", "body": content, "more_body": more}


def test_a_body_comes_in_any_number_of_chunks() -> None:
    assert read([chunk(b"01234"), chunk(b""), chunk(b"56789", more=False)]) == b"0123456789"


def test_a_body_that_declares_itself_too_large_is_not_even_begun() -> None:
    with pytest.raises(BodyTooLarge, match="must not exceed 10 bytes"):
        read([], declared="11")


def test_a_body_that_becomes_too_large_is_not_read_on() -> None:
    with pytest.raises(BodyTooLarge):
        read([chunk(b"0123456789"), chunk(b"x")])


@pytest.mark.parametrize("declared", ["x", "", "9" * 5000, "-1"])
def test_a_length_that_is_none_is_not_believed(declared: str) -> None:
    assert read([chunk(b"x", more=False)], declared) == b"x"


def test_a_client_that_is_gone_has_asked_for_nothing() -> None:
    with pytest.raises(BodyCutOff):
        read([chunk(b"x"), {"type": "http.disconnect"}])


@pytest.mark.parametrize(
    ("kind", "json"),
    [
        (None, True),
        ("application/json", True),
        ("APPLICATION/JSON ; charset=utf-8", True),
        ("application/problem+json", True),
        ("text/plain", False),
        ("application/jsonp", False),
        ("", False),
    ],
)
def test_json_is_what_says_so_or_says_nothing(kind: str | None, json: bool) -> None:
    assert is_json(kind) == json
