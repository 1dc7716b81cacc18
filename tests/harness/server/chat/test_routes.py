"""What all routes of the chat have in common."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from harness.server.storage.model import StorageUnavailable
from tests.harness.server.chat.api import GOOD, Api, bearer, error_of


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/api/messages/", 404),
        ("GET", "/api/messages/create", 405),
        ("DELETE", "/api/messages/create", 405),
        ("PATCH", "/api/messages/create", 405),
        ("POST", "/api/messages", 405),
        ("PUT", "/api/messages/1", 405),
        ("GET", "/api/messages/1/hide", 405),
        ("OPTIONS", "/api/messages", 405),
    ],
)
def test_unknown_routes_and_methods_answer_in_the_same_shape(
    api: Api, method: str, path: str, status: int
) -> None:
    response = api.run(lambda: api.ask(method, path))

    assert response.status == status
    error_of(response)


def test_health_is_json(api: Api) -> None:
    response = api.get("/health", headers=())

    assert (response.status, response.json()) == (200, {"success": True})


def test_head_is_answered_like_get(api: Api) -> None:
    target = "/api/messages?webinarId=42"
    head = api.run(lambda: api.ask("HEAD", target))
    get = api.get(target)

    assert head.status == get.status == 200
    assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize("path", ["/api/messages?webinarId=42", "/api/messages", "/nothing"])
def test_every_answer_has_a_request_id_and_may_be_read_by_pages_of_any_origin(
    api: Api, path: str
) -> None:
    given = api.get(path, headers=(*bearer(), ("X-Request-Id", "mine-1"))).headers
    made = [api.get(path).headers["x-request-id"] for _ in range(2)]

    assert given["x-request-id"] == "mine-1"
    assert given["access-control-allow-origin"] == "*"
    assert len({*made, "mine-1"}) == 3


@pytest.mark.parametrize(
    ("method", "target", "body", "broken"),
    [
        ("POST", "/api/messages/create", GOOD, "create"),
        ("GET", "/api/messages?webinarId=42", b"", "last_rows"),
        ("GET", "/api/messages?webinarId=42&after=1", b"", "rows_after"),
        ("DELETE", "/api/messages/1", b"", "row"),
    ],
)
def test_a_database_that_cannot_serve_is_503_in_the_agreed_shape(
    api: Api,
    *,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: str,
    target: str,
    body: Any,
    broken: str,
) -> None:
    monkeypatch.setattr(api.storage, broken, unavailable)
    answer = asyncio.run(api.ask(method, target, body))

    assert answer.status == 503
    assert error_of(answer) == "the database cannot serve: database is locked"
    assert caplog.records == []


async def unavailable(*_: object, **__: object) -> None:
    raise StorageUnavailable("database is locked")
