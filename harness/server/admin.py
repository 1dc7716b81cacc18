"""The admin port, for the harness alone: the server's own account, and its switches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from harness.commitlog import Commit
from harness.errors import UsageError
from harness.server.bodies import BodyCutOff, BodyTooLarge, read_body
from harness.server.defect_notes import defect_notes
from harness.server.numbers import whole_number
from harness.server.realtime.actions import action_routes
from harness.server.realtime.shell import Realtime
from harness.server.realtime.subscription_log import SubscriptionLog
from harness.server.stats import LoopLag, process_stats
from harness.server.storage.model import Storage, StorageUnavailable
from harness.server.switches import Switches, parse_turn

MAX_BODY_BYTES = 65_536
"""Of one turn or action: all knobs and defects at once are a small part of it."""
_PAGE_ROWS = 2000
_MAX_POSITION = 10**18 - 1
_JSON_LINES = "application/x-ndjson"
_encode_lines = msgspec.json.Encoder().encode_lines


def admin_app(
    storage: Storage,
    realtime: Realtime,
    switches: Switches,
    lag: LoopLag,
    extra_routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """The admin port as an ASGI application, with what other parts have there."""

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def commits(request: Request) -> Response:
        after = _after(request)
        if after is None:
            return _bad_after()
        try:
            first = await storage.commits(after, _PAGE_ROWS)
        except StorageUnavailable as error:
            return JSONResponse({"error": f"the commit log cannot be read: {error}"}, 503)
        return StreamingResponse(_commit_lines(storage, first), media_type=_JSON_LINES)

    async def subscriptions(request: Request) -> Response:
        after = _after(request)
        if after is None:
            return _bad_after()
        lines = _subscription_lines(realtime.subscriptions, after)
        return StreamingResponse(lines, media_type=_JSON_LINES)

    async def stats(_: Request) -> Response:
        answer = process_stats(
            lag,
            storage,
            connections=realtime.connections,
            slow_readers_dropped=realtime.slow_readers_dropped,
            changes_discarded=realtime.quotas.changes_discarded,
        )
        return Response(msgspec.json.encode(answer), media_type="application/json")

    async def shown_or_turned(request: Request) -> Response:
        try:
            if request.method == "PATCH":
                switches.turn(parse_turn(await read_body(request, MAX_BODY_BYTES)))
        except UsageError as error:
            return JSONResponse({"error": str(error)}, 400)
        return _switches_json(switches)

    return Starlette(
        routes=[
            Route("/health", health),
            Route("/commits", commits),
            Route("/subscriptions", subscriptions),
            Route("/stats", stats),
            Route("/switches", shown_or_turned, methods=["GET", "PATCH"]),
            *extra_routes,
            *action_routes(realtime, MAX_BODY_BYTES),
        ],
        exception_handlers={
            BodyTooLarge: _too_large,
            BodyCutOff: _cut_off,
            HTTPException: _no_such_route,
        },
    )


async def _too_large(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 413)


async def _cut_off(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    allowed = (error.headers or {}).get("Allow")
    what = f"{error.detail}, this route has {allowed}" if allowed else error.detail
    answer = {"error": f"{request.method} {request.scope['path']}: {what}"}
    return JSONResponse(answer, error.status_code, error.headers)


def _switches_json(switches: Switches) -> Response:
    answer = {
        "knobs": switches.knobs,
        "defects": sorted(switches.defects),
        "notes": defect_notes(switches.defects),
    }
    return Response(msgspec.json.encode(answer), media_type="application/json")


def _after(request: Request) -> int | None:
    """The number after which an answer begins; ``None``: it is none."""
    return whole_number(request.query_params.get("after", "0"), 0, _MAX_POSITION)


def _bad_after() -> Response:
    return JSONResponse({"error": "after: must be a whole number, 0 or more"}, 400)


async def _commit_lines(storage: Storage, page: Sequence[Commit]) -> AsyncIterator[bytes]:
    """From the first page on. Where a later one cannot be read, the error ends the connection
    without the last chunk of the answer, so that nobody takes what came for the whole log."""
    while page:
        yield _encode_lines(page)
        page = await storage.commits(page[-1].seq, _PAGE_ROWS)


async def _subscription_lines(log: SubscriptionLog, after: int) -> AsyncIterator[bytes]:
    while lines := log.lines(after):
        yield b"".join(lines)
        after += len(lines)
        await asyncio.sleep(0)  # the sockets get their turn
