from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.responses import Response

from harness.server.edge import Edge, allow_origin, request_id
from harness.server.knobs import Knobs
from harness.server.switches import Switches
from tests.harness.server.asgi import Answer, call

PAGE = "https://chat.example"
PREFLIGHT = (("Access-Control-Request-Method", "POST"),)


def ask(method: str, headers: Any, origins: str = "*") -> Answer:
    edge = Edge(Response(b"inside"), Switches(Knobs(cors_origins=origins)), lambda: "made")
    return asyncio.run(call(edge, method, "/", headers=headers))


@pytest.mark.parametrize("given", [b"a", b"4bf9-2f.3_577", b"x" * 128])
def test_a_sane_request_id_is_taken_over(given: bytes) -> None:
    assert request_id(given, lambda: "made") == given


@pytest.mark.parametrize("given", [None, b"", b"x" * 129, b"a b", b"a\r\nX: y", b"\xff", b"a\n"])
def test_any_other_request_id_is_made(given: bytes | None) -> None:
    assert request_id(given, lambda: "made") == b"made"


@pytest.mark.parametrize(
    ("configured", "allowed"),
    [
        ("*", b"*"),
        (f"http://other.example, {PAGE}", PAGE.encode()),
        ("http://other.example", None),
        (f"{PAGE}.evil.example", None),
        ("", None),
    ],
)
def test_an_origin_may_read_if_it_is_configured(configured: str, allowed: bytes | None) -> None:
    headers = dict(allow_origin(PAGE.encode(), configured))

    assert headers.get(b"access-control-allow-origin") == allowed


def test_an_answer_that_depends_on_the_origin_says_so_to_caches() -> None:
    assert (b"vary", b"Origin") in allow_origin(PAGE.encode(), PAGE)
    assert (b"vary", b"Origin") in allow_origin(b"http://other.example", PAGE)
    assert (b"vary", b"Origin") in allow_origin(None, PAGE)


def test_a_preflight_is_answered_without_asking_the_application() -> None:
    asked = (*PREFLIGHT, ("Origin", PAGE), ("Access-Control-Request-Headers", "x-a, apikey"))
    answer = ask("OPTIONS", asked)

    assert (answer.status, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-headers"] == "x-a, apikey"
    assert "PATCH" in answer.headers["access-control-allow-methods"]


def test_a_preflight_of_a_foreign_origin_allows_nothing() -> None:
    answer = ask("OPTIONS", (*PREFLIGHT, ("Origin", PAGE)), "http://other.example")

    assert answer.status == 204
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_other_options_requests_reach_the_application() -> None:
    assert ask("OPTIONS", ()).content == b"inside"


def test_what_the_application_says_itself_is_said_once() -> None:
    inside = Response(b"", headers={"Access-Control-Allow-Origin": "*", "X-Other": "1"})
    answer = asyncio.run(call(Edge(inside, Switches(Knobs())), "GET", "/"))

    assert answer.header_names.count("access-control-allow-origin") == 1
    assert answer.headers["x-other"] == "1"


def test_pages_may_read_the_request_id() -> None:
    answer = ask("GET", (("Origin", PAGE),))

    assert answer.headers["x-request-id"] == "made"
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
