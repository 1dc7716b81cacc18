"""``POST /api/messages/create``: one message, one row (S5, S7, S8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from harness.clock import Clock
from harness.server.auth.tokens import Tokens
from harness.server.bodies import is_json, read_body
from harness.server.chat.answers import success
from harness.server.chat.caller import caller
from harness.server.chat.requests import parse_create
from harness.server.storage.model import Draft, Stored
from harness.server.switches import Switches
from harness.wire.changes import MessageRow

Store = Callable[[Draft], Awaitable[Stored]]
OnRepeat = Callable[[MessageRow], None]
"""Is told of a repeated send, with the row that was there."""


@dataclass(frozen=True)
class Create:
    """The route as it should be. What is wrong on purpose is wrapped around it or in ``store``."""

    store: Store
    tokens: Tokens
    switches: Switches
    clock: Clock

    async def __call__(self, request: Request) -> Response:
        """Answers once the row is durable."""
        knobs = self.switches.knobs
        body = await read_body(request, knobs.max_request_bytes)
        now_s = self.clock()
        claims = caller(request, self.tokens, now_s)
        check_json(request)
        asked = parse_create(body, knobs.max_body_chars)
        if not claims.access.may_write(asked.webinar_id):
            raise outsider(asked.webinar_id)
        draft = Draft(
            webinar_id=asked.webinar_id,
            user_id=claims.user_id,
            # As PostgreSQL's uuid type does: case is no part of the value.
            client_msg_id=asked.client_msg_id.lower(),
            body=asked.body,
            created_at=self.tokens.wall_time.timestamptz(now_s),
        )
        return success((await self.store(draft)).row)


def check_json(request: Request) -> None:
    """Raises 415 for a body that says it is something else."""
    if not is_json(request.headers.get("content-type")):
        raise HTTPException(415, "Content-Type: must be application/json")


def outsider(webinar_id: int) -> HTTPException:
    """The refusal of who is no member."""
    return HTTPException(403, f"webinarId: you are no member of webinar {webinar_id}")
