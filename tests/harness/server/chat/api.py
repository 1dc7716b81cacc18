"""The chat's routes over a real storage, without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from harness.server.chat.routes import api_app
from harness.server.defects import Defects
from harness.server.knobs import Knobs
from harness.server.storage.sqlite import SqliteStorage
from harness.server.switches import Switches
from harness.wire.api import CreateAnswer
from harness.wire.changes import MessageRow
from tests.harness.server.asgi import Answer, call
from tests.harness.server.builders import MESSAGE, TOKENS, USER, user_token

NOW_S = 100.0
GOOD = {"webinarId": 42, "clientMsgId": MESSAGE, "body": "hi"}
CREATE = "/api/messages/create"
OTHER = "99999999-1111-4111-8111-111111111111"


def bearer(
    role: str = "attendee", *, user_id: str = USER, webinar: str = "42"
) -> tuple[tuple[str, str], ...]:
    """The header of a user with one part in one webinar."""
    token = user_token(user_id=user_id, role=role, webinar=webinar)
    return (("Authorization", f"Bearer {token}"),)


class Api:
    """One application; what it counts goes on from request to request."""

    def __init__(self, storage: SqliteStorage) -> None:
        self.storage = storage
        self.switches = Switches(Knobs())
        self.stopping = asyncio.Event()
        self.repeats: list[MessageRow] = []
        self.now_s = NOW_S
        self._app = api_app(
            storage,
            TOKENS,
            self.switches,
            self.stopping,
            lambda: self.now_s,
            on_repeat=self.repeats.append,
        )

    def plant(self, *defects: str) -> None:
        self.switches.defects = Defects(defects)  # type: ignore[arg-type]  # names are equal

    def knobs(self, **values: Any) -> None:
        self.switches.knobs = msgspec.structs.replace(self.switches.knobs, **values)

    async def ask(self, method: str, target: str, body: Any = b"", **more: Any) -> Answer:
        return await call(self._app, method, target, body, **{"headers": bearer(), **more})

    def get(self, target: str, **more: Any) -> Answer:
        return asyncio.run(self.ask("GET", target, **more))

    def post(self, body: Any = None, **more: Any) -> Answer:
        return asyncio.run(self.ask("POST", CREATE, GOOD if body is None else body, **more))

    def send(self, number: int = 0, **more: Any) -> Answer:
        """A send with an id of its own."""
        return self.post(good(number), **more)

    def rows(self) -> list[MessageRow]:
        """What is committed in the room."""
        return asyncio.run(self.storage.rows_after(42, 0, 500))

    def run(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return asyncio.run(work())


def good(number: int) -> dict[str, Any]:
    return {**GOOD, "clientMsgId": f"22222222-2222-4222-8222-{number:012d}"}


def error_of(answer: Answer) -> str:
    """The text of a failure, which must be in the agreed shape (S8)."""
    assert answer.headers["content-type"] == "application/json"
    decoded = msgspec.json.decode(answer.content, type=CreateAnswer)
    assert not decoded.success
    assert decoded.message is None
    assert decoded.error is not None
    return decoded.error


def row_of(answer: Answer) -> MessageRow:
    """The row of a success."""
    assert answer.status == 200, answer.content
    decoded = msgspec.json.decode(answer.content, type=CreateAnswer)
    assert decoded.success
    assert decoded.error is None
    assert decoded.message is not None
    return decoded.message


def ids_of(answer: Answer) -> list[int]:
    """The ids of a read, in the order they came."""
    assert answer.status == 200, answer.content
    return [row["id"] for row in answer.json()["messages"]]
