"""The chat's HTTP routes, put together. Every answer, also to nonsense, has one shape (S8)."""

from __future__ import annotations

import asyncio

from starlette import types as asgi
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from harness.clock import Clock, monotonic_s
from harness.server.auth.tokens import Tokens
from harness.server.bodies import BodyCutOff, BodyTooLarge
from harness.server.chat.answers import failure, success
from harness.server.chat.create import Create, OnRepeat
from harness.server.chat.create_defects import PlantedCreate, PlantedStore
from harness.server.chat.listing import Listing
from harness.server.chat.moderation import Moderation
from harness.server.chat.requests import InvalidRequest
from harness.server.defects import Defect
from harness.server.edge import Edge
from harness.server.hanging import Handler, hanging
from harness.server.storage.model import Storage, StorageUnavailable
from harness.server.switches import Switches
from harness.wire.api import CREATE_PATH, LIST_PATH
from harness.wire.changes import MessageRow

ONE_PATH = f"{LIST_PATH}/{{id}}"


def ignore_repeat(_: MessageRow) -> None:
    """A repeated send is nobody's business: how a right server takes it."""


def api_app(
    storage: Storage,
    tokens: Tokens,
    switches: Switches,
    stopping: asyncio.Event,
    clock: Clock = monotonic_s,
    *,
    on_repeat: OnRepeat = ignore_repeat,
) -> asgi.ASGIApp:
    """The API as an ASGI application.

    ``stopping`` ends answers that a defect holds back. ``on_repeat`` is told of every repeated
    send, with the row that was there.
    """
    app = Starlette(
        routes=chat_routes(storage, tokens, switches, stopping, clock, on_repeat=on_repeat),
        exception_handlers={
            HTTPException: _http_error,
            InvalidRequest: _invalid,
            BodyTooLarge: _too_large,
            BodyCutOff: _cut_off,
            StorageUnavailable: _unavailable,
            Exception: _unexpected,
        },
    )
    app.router.redirect_slashes = False  # its redirects have no body
    return Edge(app, switches)


def chat_routes(
    storage: Storage,
    tokens: Tokens,
    switches: Switches,
    stopping: asyncio.Event,
    clock: Clock = monotonic_s,
    *,
    on_repeat: OnRepeat = ignore_repeat,
) -> list[Route]:
    """The chat's own routes, without what answers for all that is none."""
    store = PlantedStore(storage, switches, on_repeat, clock)
    create = PlantedCreate(Create(store.create, tokens, switches, clock), switches, stopping)
    listing = hanging(
        Listing(storage, tokens, switches, clock), Defect.HANG_POLL, switches, stopping
    )
    moderation = Moderation(storage, tokens, switches, clock)
    return [
        Route(CREATE_PATH, create.answer, methods=["POST"]),
        Route(LIST_PATH, listing, methods=["GET"]),
        Route(ONE_PATH, _but_create(moderation.one), methods=["PATCH", "DELETE"]),
        Route(f"{ONE_PATH}/hide", moderation.hide, methods=["POST"]),
        Route(f"{ONE_PATH}/unhide", moderation.unhide, methods=["POST"]),
        Route("/health", _health, methods=["GET"]),
    ]


def _but_create(handler: Handler) -> Handler:
    """``handler`` of one message, whose path that of creates looks like to the router."""

    async def answer(request: Request) -> Response:
        if request.scope["path"] == CREATE_PATH:
            raise HTTPException(405, headers={"Allow": "POST"})
        return await handler(request)

    return answer


async def _health(_: Request) -> Response:
    return success()


async def _http_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers or {})
    if error.status_code == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return failure(error.status_code, error.detail, headers)


async def _invalid(_: Request, error: Exception) -> Response:
    return failure(400, str(error))


async def _too_large(_: Request, error: Exception) -> Response:
    return failure(413, str(error))


async def _cut_off(_: Request, error: Exception) -> Response:
    return failure(400, str(error))


async def _unavailable(_: Request, error: Exception) -> Response:
    # The storage says so itself in the log, once and not for each request.
    return failure(503, f"the database cannot serve: {error}")


async def _unexpected(_: Request, error: Exception) -> Response:
    # Starlette raises it again after this answer; the web server logs it with its traceback.
    return failure(500, f"internal error ({type(error).__name__})")
