"""The REST routes over a real storage, without sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.applications import Starlette

from harness.server.defects import Defects
from harness.server.edge import Edge
from harness.server.knobs import Knobs
from harness.server.rest.routes import rest_routes
from harness.server.storage.sqlite import SqliteStorage
from harness.server.switches import Switches
from harness.wire.changes import MessageRow
from tests.harness.server.asgi import Answer, call
from tests.harness.server.builders import TOKENS, USER, anon_token, service_token, user_token

NOW_S = 100.0
MESSAGES = "/rest/v1/messages"
MADE = "77777777-7777-4777-8777-777777777777"
SINGLE = ("Accept", "application/vnd.pgrst.object+json")
SHOW = ("Prefer", "return=representation")
COUNT = ("Prefer", "count=exact")

Header = tuple[str, str]


def as_user(
    role: str = "attendee", *, user_id: str = USER, webinar: str = "42"
) -> tuple[Header, ...]:
    """The headers that supabase-js sends for a user with one part in one webinar."""
    token = user_token(user_id=user_id, role=role, webinar=webinar)
    return (("apikey", anon_token()), ("Authorization", f"Bearer {token}"))


ANON: tuple[Header, ...] = (("apikey", anon_token()), ("Authorization", f"Bearer {anon_token()}"))
SERVICE: tuple[Header, ...] = (("apikey", service_token()),)


class RestApi:
    """One application under one gateway."""

    def __init__(self, storage: SqliteStorage) -> None:
        self.storage = storage
        self.switches = Switches(Knobs())
        routes = rest_routes(storage, TOKENS, self.switches, lambda: NOW_S, lambda: MADE)
        self._app = Edge(Starlette(routes=routes), self.switches)

    def plant(self, *defects: str) -> None:
        self.switches.defects = Defects(defects)  # type: ignore[arg-type]  # names are equal

    def knobs(self, **values: Any) -> None:
        self.switches.knobs = msgspec.structs.replace(self.switches.knobs, **values)

    def ask(
        self,
        method: str,
        target: str = MESSAGES,
        body: Any = b"",
        headers: tuple[Header, ...] | None = None,
        *more: Header,
    ) -> Answer:
        sent = (*(as_user() if headers is None else headers), *more)
        return asyncio.run(call(self._app, method, target, body, sent))

    def insert(self, headers: tuple[Header, ...] | None = None, **columns: Any) -> Answer:
        """An insert that answers with its row."""
        body = {"webinar_id": 42, "body": "hi", **columns}
        return self.ask("POST", MESSAGES, body, headers, SHOW)

    def rows(self) -> list[MessageRow]:
        """What is committed in the room."""
        return asyncio.run(self.storage.rows_after(42, 0, 500))


def code_of(answer: Answer) -> tuple[int, str]:
    """Status and code of an error, which must be in PostgREST's shape."""
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    body = answer.json()
    assert set(body) == {"code", "message", "details", "hint"}
    assert answer.headers["proxy-status"] == f"PostgREST; error={body['code']}"
    return answer.status, body["code"]
