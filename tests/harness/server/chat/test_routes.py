from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from harness.server.chat.routes import MAX_REQUEST_BYTES, api_app
from harness.server.defects import Defect, Defects
from harness.server.knobs import Knobs
from harness.server.storage.model import Draft, Stored
from harness.server.storage.sqlite import SqliteStorage
from harness.server.switches import Switches
from harness.wire.api import CreateAnswer, ListAnswer
from tests.harness.server.builders import MESSAGE, TOKENS, USER, anon_token, user_token

NOW_S = 100.0
USER_HEADERS = {"Authorization": f"Bearer {user_token()}"}
GOOD = {"webinarId": 42, "clientMsgId": MESSAGE, "body": "hi"}

Work = Callable[[httpx.AsyncClient], Coroutine[Any, Any, Any]]


class Api:
    """The routes over a real storage, without sockets."""

    def __init__(self, storage: SqliteStorage) -> None:
        self.storage = storage

    def run(self, work: Work, *, defects: Defects = frozenset(), stopping: bool = False) -> Any:
        async def session() -> Any:
            stop = asyncio.Event()
            if stopping:
                stop.set()
            app = api_app(self.storage, TOKENS, Switches(Knobs(), defects), stop, lambda: NOW_S)
            # An unexpected error is answered and then raised again for the web server's log.
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
                return await work(client)

        return asyncio.run(session())

    def post(self, body: Any = None, headers: Any = None, **more: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body or GOOD)

        async def work(client: httpx.AsyncClient) -> httpx.Response:
            return await client.post(
                "/api/messages/create",
                content=content,
                headers=USER_HEADERS if headers is None else headers,
            )

        response: httpx.Response = self.run(work, **more)
        return response

    def get(self, url: str, headers: Any = None) -> httpx.Response:
        async def work(client: httpx.AsyncClient) -> httpx.Response:
            return await client.get(url, headers=USER_HEADERS if headers is None else headers)

        response: httpx.Response = self.run(work)
        return response


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    storage = SqliteStorage(tmp_path / "chat.db", lambda changes: None)
    yield Api(storage)
    storage.close()


def error_of(response: httpx.Response) -> str:
    """The text of a failure, which must be in the agreed shape (S8)."""
    assert response.headers["content-type"] == "application/json"
    answer = msgspec.json.decode(response.content, type=CreateAnswer)
    assert not answer.success
    assert answer.message is None
    assert answer.error is not None
    return answer.error


def test_a_send_answers_with_the_whole_message(api: Api) -> None:
    response = api.post()

    answer = msgspec.json.decode(response.content, type=CreateAnswer)
    assert response.status_code == 200
    assert answer.success
    assert answer.message is not None
    assert answer.message.id == 1
    assert answer.message.user_id == USER
    assert answer.message.client_msg_id == MESSAGE
    assert answer.message.created_at == TOKENS.wall_time.timestamptz(NOW_S)


def test_a_repeated_send_answers_success_with_the_same_row(api: Api) -> None:
    first, again = api.post(), api.post({**GOOD, "clientMsgId": MESSAGE.upper()})

    assert again.status_code == 200
    assert again.content == first.content


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"clientMsgId": "not-a-uuid"}, "clientMsgId"),
        ({"clientMsgId": MESSAGE + "\n"}, "clientMsgId"),
        ({"clientMsgId": None}, "clientMsgId"),
        ({"webinarId": "42"}, "webinarId"),
        ({"webinarId": 0}, "webinarId"),
        ({"webinarId": 2**63}, "webinarId"),
        ({"body": " \n"}, "body"),
        ({"body": 1}, "body"),
    ],
)
def test_a_bad_field_is_named_with_400(api: Api, change: dict[str, Any], field: str) -> None:
    response = api.post({**GOOD, **change})

    assert response.status_code == 400
    assert error_of(response).startswith(f"{field}: ")


@pytest.mark.parametrize("field", sorted(GOOD))
def test_a_missing_field_is_named_with_400(api: Api, field: str) -> None:
    response = api.post({name: value for name, value in GOOD.items() if name != field})

    assert response.status_code == 400
    assert error_of(response) == f"{field}: is required"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"body":"\xff"}'])
def test_what_is_no_request_is_answered_400(api: Api, body: bytes) -> None:
    response = api.post(body)

    assert response.status_code == 400
    error_of(response)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic x"},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Bearer {user_token(lifetime_s=50)}"},
        {"Authorization": f"Bearer {anon_token()}"},
    ],
)
def test_without_a_users_token_both_routes_answer_401(api: Api, headers: dict[str, str]) -> None:
    for response in (api.post(headers=headers), api.get("/api/messages?webinarId=1", headers)):
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
        assert error_of(response).startswith("Authorization: ")


def test_unknown_routes_and_methods_answer_in_the_same_shape(api: Api) -> None:
    assert api.get("/nothing").status_code == 404
    assert api.get("/api/messages/create").status_code == 405
    error_of(api.get("/nothing"))
    error_of(api.get("/api/messages/create"))


def test_a_body_over_the_limit_answers_413(api: Api) -> None:
    fits = {**GOOD, "body": "x" * (MAX_REQUEST_BYTES - 200)}
    response = api.post({**GOOD, "body": "x" * MAX_REQUEST_BYTES})

    assert response.status_code == 413
    error_of(response)
    assert api.post(fits).status_code == 200


def test_a_body_of_undeclared_length_is_bounded_too(api: Api) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_REQUEST_BYTES // 1024 + 1):
            yield b"x" * 1024

    async def work(client: httpx.AsyncClient) -> httpx.Response:
        url = "/api/messages/create"
        return await client.post(url, content=chunks(), headers=USER_HEADERS)

    response = api.run(work)

    assert "content-length" not in response.request.headers
    assert response.status_code == 413
    error_of(response)


def test_an_unexpected_error_answers_500_in_the_same_shape(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(draft: Draft) -> Stored:
        raise ZeroDivisionError

    monkeypatch.setattr(api.storage, "create", fail)
    response = api.post()

    assert response.status_code == 500
    assert error_of(response) == "internal error (ZeroDivisionError)"


def test_health_is_json(api: Api) -> None:
    response = api.get("/health", {})

    assert (response.status_code, response.json()) == (200, {"success": True})


def test_a_hanging_create_route_commits_nothing(api: Api) -> None:
    response = api.post(defects=frozenset({Defect.HANG_CREATE}), stopping=True)

    assert response.status_code == 503
    assert api.get("/api/messages?webinarId=42").json()["messages"] == []


def fill(api: Api, count: int) -> None:
    async def work(_: httpx.AsyncClient) -> None:
        drafts = [
            Draft(
                webinar_id=42,
                user_id=USER,
                client_msg_id=str(number),
                body="hi",
                created_at="2026-11-23T10:00:00.000000+00:00",
            )
            for number in range(count)
        ]
        await asyncio.gather(*(api.storage.create(one) for one in drafts))

    api.run(work)


def ids(response: httpx.Response) -> list[int]:
    assert response.status_code == 200
    answer = msgspec.json.decode(response.content, type=ListAnswer)
    return [row.id for row in answer.messages]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", list(range(11, 61))),
        ("&limit=3", [58, 59, 60]),
        ("&after=0&limit=3", [1, 2, 3]),
        ("&after=57", [58, 59, 60]),
        ("&after=60", []),
        ("&after=0", list(range(1, 51))),
        ("&after=0&limit=500", list(range(1, 61))),
    ],
)
def test_reading_is_by_id_and_without_after_the_newest(
    api: Api, query: str, expected: list[int]
) -> None:
    fill(api, 60)

    assert ids(api.get(f"/api/messages?webinarId=42{query}")) == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "webinarId"),
        ("webinarId=x", "webinarId"),
        ("webinarId=-1", "webinarId"),
        ("webinarId=9223372036854775808", "webinarId"),
        ("webinarId=" + "9" * 5000, "webinarId"),
        ("webinarId=1&limit=0", "limit"),
        ("webinarId=1&limit=501", "limit"),
        ("webinarId=1&after=", "after"),
        ("webinarId=1&after=-1", "after"),
        ("webinarId=1&after=%D9%A1", "after"),
    ],
)
def test_a_bad_query_is_named_with_400(api: Api, query: str, field: str) -> None:
    response = api.get(f"/api/messages?{query}")

    assert response.status_code == 400
    assert error_of(response).startswith(f"{field}: must be a whole number from ")
