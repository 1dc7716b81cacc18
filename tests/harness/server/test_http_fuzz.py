"""Nonsense over HTTP: it is answered in the agreed shape, never with a 500, and bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette import types as asgi
from starlette.applications import Starlette

from harness.server.chat.routes import api_app
from harness.server.knobs import Knobs
from harness.server.rest.routes import rest_routes
from harness.server.storage.sqlite import SqliteStorage
from harness.server.switches import Switches
from harness.wire.api import CreateAnswer, ListAnswer
from tests.harness.server.asgi import Answer, call
from tests.harness.server.builders import MESSAGE, TOKENS, anon_token, user_token

LIMIT = 2_000
TOKEN = user_token()

methods = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "webinarId": st.just(42) | json_values,
        "clientMsgId": st.just(MESSAGE) | json_values,
        "body": st.text() | json_values,
        "webinar_id": st.just(42) | json_values,
        "client_msg_id": st.just(MESSAGE) | json_values,
        "user_id": st.just(MESSAGE) | json_values,
        "hidden": json_values,
    },
)


def as_json(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, msgspec.MsgspecError):
        return repr(value).encode("utf-8", "surrogatepass")


bodies = (
    st.binary(max_size=3 * LIMIT)
    | (fields | json_values).map(as_json)
    | st.integers(1, LIMIT).map(lambda depth: b"[" * depth)
    | st.just(rb'{"webinarId":42,"clientMsgId":"x","body":"\ud800"}')
)
header_values = st.text(st.characters(max_codepoint=255), max_size=80)
headers = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("authorization", "apikey", "content-type", "content-length", "accept"),
                *("prefer", "range", "origin", "x-request-id", "accept-profile", "cookie"),
                "access-control-request-method",
            ]
        ),
        header_values
        | st.sampled_from([f"Bearer {TOKEN}", "application/json", "count=exact", "0-5", "9" * 40])
        | st.binary(max_size=60).map(lambda raw: "Bearer " + raw.hex()),
    ),
    max_size=4,
)
identified = st.sampled_from(
    [
        [],
        [("authorization", f"Bearer {TOKEN}")],
        [("authorization", f"Bearer {TOKEN}"), ("apikey", anon_token())],
        [("apikey", anon_token())],
    ]
)
url_text = st.text(st.characters(max_codepoint=255, exclude_characters="?#"), max_size=30)
queries = st.lists(
    st.tuples(
        st.sampled_from(
            ["webinarId", "after", "limit", "offset", "order", "select", "id", "body", "in", "or"]
        )
        | url_text,
        st.sampled_from(["42", "0", "eq.1", "gt.0", "in.(1,2)", "not.eq.%00", "id.desc", "%ff"])
        | url_text,
    ),
    max_size=4,
).map(lambda pairs: "&".join(f"{name}={text}" for name, text in pairs))


class Apps:
    def __init__(self, storage: SqliteStorage) -> None:
        switches = Switches(Knobs(max_request_bytes=LIMIT))
        self._runner = asyncio.Runner()
        self.api: asgi.ASGIApp = api_app(storage, TOKENS, switches, asyncio.Event(), lambda: 1.0)
        self.rest = Starlette(routes=rest_routes(storage, TOKENS, switches, lambda: 1.0))

    def ask(self, app: asgi.ASGIApp, asked: Nonsense) -> Answer:
        target, headers = f"{asked.path}?{asked.query}", [*asked.who, *asked.more]
        return self._runner.run(call(app, asked.method, target, asked.body, headers))

    def close(self) -> None:
        self._runner.close()


@pytest.fixture(scope="module")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apps]:
    storage = SqliteStorage(tmp_path_factory.mktemp("fuzz") / "chat.db", lambda changes: None)
    apps = Apps(storage)
    yield apps
    apps.close()
    storage.close()


FUZZ = settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])


@dataclass(frozen=True)
class Nonsense:
    method: str
    path: str
    query: str
    body: bytes
    who: list[tuple[str, str]]
    more: list[tuple[str, str]]


def nonsense(paths: st.SearchStrategy[str]) -> st.SearchStrategy[Nonsense]:
    return st.builds(Nonsense, methods, paths, queries, bodies, identified, headers)


api_paths = st.sampled_from(
    [
        *("/api/messages/create", "/api/messages", "/api/messages/1", "/api/messages/1/hide"),
        *("/api/messages/x/unhide", "/api/messages/" + "9" * 30, "/health", "/"),
    ]
) | url_text.map(lambda text: "/" + text)


@FUZZ
@given(nonsense(api_paths))
def test_the_chat_answers_anything_in_its_one_shape(apps: Apps, asked: Nonsense) -> None:
    answer = apps.ask(apps.api, asked)

    if answer.status == 204:  # a preflight
        assert asked.method == "OPTIONS"
        return
    assert answer.status < 500, answer.content
    kind = ListAnswer if b'"messages"' in answer.content else CreateAnswer
    decoded: Any = msgspec.json.decode(answer.content, type=kind)
    assert decoded.success == (answer.status == 200)
    assert decoded.success != bool(decoded.error)


rest_paths = st.sampled_from(["/rest/v1/messages"] * 4 + ["/rest/v1/", "/rest/v1/x/y"])


@FUZZ
@given(nonsense(rest_paths))
def test_the_gateway_answers_anything_as_postgrest_would(apps: Apps, asked: Nonsense) -> None:
    answer = apps.ask(apps.rest, asked)

    assert answer.status < 500, answer.content
    if answer.status < 300:
        decoded = answer.json() if answer.content else []
        assert isinstance(decoded, list | dict)
    elif "proxy-status" in answer.headers:
        assert set(answer.json()) == {"code", "message", "details", "hint"}
    else:
        assert answer.status == 401
        assert set(answer.json()) == {"message", "hint"}


@given(st.integers(1, 50), st.integers(1, 500))
def test_no_more_of_a_body_is_taken_than_the_limit_and_one_chunk(
    apps: Apps, chunk_bytes: int, chunks: int
) -> None:
    taken = 0

    def parts() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(chunks * 10):
            taken += chunk_bytes
            yield b"x" * chunk_bytes

    async def ask() -> Answer:
        authorized = [("authorization", f"Bearer {TOKEN}")]
        return await call(
            apps.api, "POST", "/api/messages/create", headers=authorized, chunks=parts()
        )

    answer = asyncio.run(ask())

    assert taken <= LIMIT + 2 * chunk_bytes
    assert answer.status == (413 if chunk_bytes * chunks * 10 > LIMIT else 400)
