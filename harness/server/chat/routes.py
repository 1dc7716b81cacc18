"""The chat's HTTP routes. Every answer, also to nonsense, is JSON in one shape (S8)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from harness.clock import Clock, monotonic_s
from harness.server.auth.tokens import Claims, Refusal, Tokens
from harness.server.defects import Defect
from harness.server.storage.model import Draft, Storage
from harness.server.switches import Switches
from harness.wire.api import (
    CREATE_PATH,
    LIST_PATH,
    UUID_PATTERN,
    CreateAnswer,
    CreateRequest,
    ListAnswer,
)

MAX_REQUEST_BYTES = 64 * 1024
DEFAULT_LIMIT = 50
MAX_LIMIT = 500
_MAX_ID = 2**63 - 1

_decode_create = msgspec.json.Decoder(CreateRequest).decode
_encode = msgspec.json.Encoder().encode


def api_app(
    storage: Storage,
    tokens: Tokens,
    switches: Switches,
    stopping: asyncio.Event,
    clock: Clock = monotonic_s,
) -> Starlette:
    """The API as an ASGI application. ``stopping`` ends answers that a defect holds back."""
    api = _Api(storage, tokens, switches, stopping, clock)
    return Starlette(
        routes=[
            Route(CREATE_PATH, api.create, methods=["POST"]),
            Route(LIST_PATH, api.list, methods=["GET"]),
            Route("/health", _health, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _http_error, Exception: _unexpected},
    )


@dataclass(frozen=True)
class _Api:
    storage: Storage
    tokens: Tokens
    switches: Switches
    stopping: asyncio.Event
    clock: Clock

    async def create(self, request: Request) -> Response:
        """``POST /api/messages/create`` (S5, S7, S8)."""
        try:
            body = await _read_body(request)
        except ClientDisconnect:
            # Nobody is there to answer, and nothing was asked for yet.
            return _failure(400, "the request was cut off")
        if self.switches.has(Defect.HANG_CREATE):
            await self.stopping.wait()
            raise HTTPException(503, "the server stops")
        now_s = self.clock()
        claims = self._claims(request, now_s)
        asked = _parse_create(body)
        if not claims.access.may_write(asked.webinar_id):
            raise _outsider(asked.webinar_id)
        draft = Draft(
            webinar_id=asked.webinar_id,
            user_id=claims.user_id,
            # As PostgreSQL's uuid type does: case is no part of the value.
            client_msg_id=asked.client_msg_id.lower(),
            body=asked.body,
            created_at=self.tokens.wall_time.timestamptz(now_s),
        )
        stored = await self.storage.create(draft)
        return _json(200, CreateAnswer(success=True, message=stored.row))

    async def list(self, request: Request) -> Response:
        """``GET /api/messages`` (F4); without ``after`` the history."""
        claims = self._claims(request, self.clock())
        query = request.query_params
        webinar_id = _number(query, "webinarId", None, 1, _MAX_ID)
        limit = _number(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)
        if not claims.access.may_read(webinar_id):
            raise _outsider(webinar_id)
        if "after" in query:
            after_id = _number(query, "after", None, 0, _MAX_ID)
            rows = await self.storage.rows_after(webinar_id, after_id, limit)
        else:
            rows = await self.storage.last_rows(webinar_id, limit)
        return _json(200, ListAnswer(success=True, messages=rows))

    def _claims(self, request: Request, now_s: float) -> Claims:
        """Whose token it is. Raises 401 where there is none, or it names nobody."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise HTTPException(401, "Authorization: a Bearer token is needed")
        claims = self.tokens.verify(token.strip(), now_s)
        if isinstance(claims, Refusal):
            raise HTTPException(401, f"Authorization: {claims.message}")
        if not claims.user_id:
            raise HTTPException(401, "Authorization: the token names no user (claim `sub`)")
        return claims


def _outsider(webinar_id: int) -> HTTPException:
    return HTTPException(403, f"webinarId: you are no member of webinar {webinar_id}")


async def _read_body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > MAX_REQUEST_BYTES:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_REQUEST_BYTES:
            raise _too_large()
    return bytes(body)


def _too_large() -> HTTPException:
    return HTTPException(413, f"the body must not exceed {MAX_REQUEST_BYTES} bytes")


def _parse_create(body: bytes) -> CreateRequest:
    try:
        asked = _decode_create(body)
    except msgspec.ValidationError as error:
        raise HTTPException(400, _name_field(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HTTPException(400, f"body: not JSON ({error})") from None
    if not 1 <= asked.webinar_id <= _MAX_ID:
        raise HTTPException(400, f"webinarId: must be between 1 and {_MAX_ID}")
    if not UUID_PATTERN.match(asked.client_msg_id):
        raise HTTPException(400, "clientMsgId: must be a UUID")
    if not asked.body.strip():
        raise HTTPException(400, "body: must not be empty")
    return asked


def _name_field(error: str) -> str:
    """Put the field first: msgspec names it last, or in back-ticks where it is missing."""
    what, _, where = error.partition(" - at `$.")
    if where:
        return f"{where.rstrip('`')}: {what}"
    missing = re.search(r"missing required field `(\w+)`", error)
    return f"{missing.group(1)}: is required" if missing else error


def _number(query: Mapping[str, str], name: str, default: int | None, least: int, most: int) -> int:
    text = query.get(name, "" if default is None else str(default))
    # Bounded before int(): the length of a number is the client's choice.
    if not re.fullmatch(r"[0-9]{1,19}", text) or not least <= int(text) <= most:
        raise HTTPException(400, f"{name}: must be a whole number from {least} to {most}")
    return int(text)


async def _health(_: Request) -> Response:
    return _json(200, CreateAnswer(success=True))


async def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers or {})
    if error.status_code == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return _failure(error.status_code, error.detail, headers)


async def _unexpected(_: Request, error: Exception) -> Response:
    # Starlette raises it again after this answer; the web server logs it with its traceback.
    return _failure(500, f"internal error ({type(error).__name__})")


def _failure(status: int, error: str, headers: Mapping[str, str] | None = None) -> Response:
    return _json(status, CreateAnswer(success=False, error=error), headers)


def _json(
    status: int, answer: msgspec.Struct, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(_encode(answer), status, headers, media_type="application/json")
