"""Hiding, editing and deleting messages (R5).

Presenters and moderators do all of it to anybody's message, authors edit and delete their own.
Who may not read a message is answered as if it did not exist, so that existence does not leak.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from harness.clock import Clock
from harness.server.auth.tokens import Claims, Tokens
from harness.server.bodies import read_body
from harness.server.chat.answers import success
from harness.server.chat.caller import caller
from harness.server.chat.create import check_json
from harness.server.chat.requests import parse_edit, parse_id
from harness.server.storage.model import Storage
from harness.server.switches import Switches
from harness.wire.changes import MessageRow


@dataclass(frozen=True)
class Moderation:
    """The routes about one message. All answer with the whole row."""

    storage: Storage
    tokens: Tokens
    switches: Switches
    clock: Clock

    async def hide(self, request: Request) -> Response:
        """``POST /api/messages/<id>/hide``."""
        return await self._set_hidden(request, True)

    async def unhide(self, request: Request) -> Response:
        """``POST /api/messages/<id>/unhide``."""
        return await self._set_hidden(request, False)

    async def one(self, request: Request) -> Response:
        """``PATCH`` (a new text) and ``DELETE`` of ``/api/messages/<id>``."""
        return await (self._delete if request.method == "DELETE" else self._edit)(request)

    async def _set_hidden(self, request: Request, hidden: bool) -> Response:
        await self._body(request)
        claims = self._claims(request)
        row = await self._readable(request, claims)
        if not claims.access.may_moderate(row.webinar_id):
            raise HTTPException(403, "id: only presenters and moderators hide messages")
        return self._answer(row.id, await self.storage.update(row.id, hidden=hidden))

    async def _edit(self, request: Request) -> Response:
        body = await self._body(request)
        claims = self._claims(request)
        check_json(request)
        asked = parse_edit(body, self.switches.knobs.max_body_chars)
        row = await self._changeable(request, claims)
        return self._answer(row.id, await self.storage.update(row.id, body=asked.body))

    async def _delete(self, request: Request) -> Response:
        await self._body(request)
        row = await self._changeable(request, self._claims(request))
        return self._answer(row.id, await self.storage.delete(row.id))

    async def _body(self, request: Request) -> bytes:
        return await read_body(request, self.switches.knobs.max_request_bytes)

    def _claims(self, request: Request) -> Claims:
        return caller(request, self.tokens, self.clock())

    async def _readable(self, request: Request, claims: Claims) -> MessageRow:
        row_id = parse_id("id", request.path_params["id"])
        row = await self.storage.row(row_id)
        if row is None or not claims.access.may_read(row.webinar_id):
            raise _unknown(row_id)
        return row

    async def _changeable(self, request: Request, claims: Claims) -> MessageRow:
        row = await self._readable(request, claims)
        if not claims.access.may_change(row.webinar_id, row.user_id, claims.user_id):
            raise HTTPException(403, "id: only its author, presenters and moderators change it")
        return row

    def _answer(self, row_id: int, row: MessageRow | None) -> Response:
        if row is None:  # deleted since it was looked at
            raise _unknown(row_id)
        return success(row)


def _unknown(row_id: int) -> HTTPException:
    return HTTPException(404, f"id: there is no message {row_id} that you may read")
