"""What the admin port can do to the sockets and channels of a running server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from harness.server.bodies import read_body
from harness.server.realtime.shell import Realtime
from harness.wire.unreadable import UNREADABLE


class CloseSockets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /sockets/close``: end all sockets."""

    code: Literal[1000, 1001, 1008, 1011, 1012, 1013] | None = 1012
    """Of the Close frame; ``null``: without one, the client sees 1006."""
    farewell: bool = False
    """Whether every channel is told first, as at a deployment."""


class EndChannels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /channels/close``: end channels for good; their sockets stay."""

    topic: str | None = None
    """As on the wire; ``null``: every channel."""
    message: str = ""
    """If set, a ``system`` error that says this goes before ``phx_close``."""


class CrashChannels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``POST /channels/crash``: end channels with ``phx_error``; clients join again."""

    topic: str | None = None
    """As on the wire; ``null``: every channel."""


def action_routes(realtime: Realtime, max_body_bytes: int) -> list[Route]:
    """The routes over a running Realtime. They answer how many were ended; what bodies can be
    besides is for the application to answer (:mod:`harness.server.bodies`)."""

    def close_sockets(body: bytes) -> dict[str, int]:
        asked = msgspec.json.decode(body, type=CloseSockets)
        return {"sockets": realtime.close_sockets(asked.code, farewell=asked.farewell)}

    def close_channels(body: bytes) -> dict[str, int]:
        asked = msgspec.json.decode(body, type=EndChannels)
        return {"channels": realtime.close_channels(asked.topic, asked.message)}

    def crash_channels(body: bytes) -> dict[str, int]:
        asked = msgspec.json.decode(body, type=CrashChannels)
        return {"channels": realtime.crash_channels(asked.topic)}

    return [
        _route("/sockets/close", close_sockets, max_body_bytes),
        _route("/channels/close", close_channels, max_body_bytes),
        _route("/channels/crash", crash_channels, max_body_bytes),
    ]


def _route(path: str, act: Callable[[bytes], dict[str, int]], max_body_bytes: int) -> Route:
    async def endpoint(request: Request) -> Response:
        body = await read_body(request, max_body_bytes)
        try:
            return JSONResponse(act(body or b"{}"))
        except UNREADABLE as error:
            return JSONResponse({"error": f"{path.strip('/')}: {error}"}, 400)

    return Route(path, endpoint, methods=["POST"])
