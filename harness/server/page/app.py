"""The chat page's routes, in front of the API's, on the API's port.

Whoever reaches the port gets an account of any role for the asking, so these routes exist only
where the server is told to serve the page (``--page``), as ``chatquake serve`` tells it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from harness.errors import UsageError
from harness.server.page.accounts import page_session, parse_asked
from harness.wire.api import CreateAnswer

SESSION_PATH = "/api/page/session"
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_HEADERS = {
    # The page may talk to this server and to loopback (Realtime, or Toxiproxy before it), no more.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self' ws://127.0.0.1:* ws://localhost:*;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    # The page belongs to the server that serves it: yesterday's is of no use.
    "cache-control": "no-store",
}
_encode = msgspec.json.Encoder().encode


def with_page(
    api: ASGIApp, *, secret: str, realtime_port: int, unix_s: Callable[[], float]
) -> Starlette:
    """``api`` with the page at ``/``."""

    async def session(request: Request) -> Response:
        try:
            answer = page_session(
                parse_asked(dict(request.query_params)),
                secret=secret,
                realtime_port=realtime_port,
                now_unix_s=int(unix_s()),
            )
        except UsageError as error:
            return _json(400, CreateAnswer(success=False, error=str(error)))
        return _json(200, answer)

    routes: list[BaseRoute] = [
        Route(SESSION_PATH, session, methods=["GET"]),
        *(_file_route(path, content) for path, content in _files().items()),
        Mount("/", api),
    ]
    return Starlette(routes=routes)


def _files() -> dict[str, bytes]:
    """The page's files by their paths under ``/page/``."""
    static = resources.files(__package__) / "static"
    return {
        f"{folder}{file.name}": file.read_bytes()
        for folder, place in (("", static), ("vendor/", static / "vendor"))
        for file in place.iterdir()
        if file.is_file()
    }


def _file_route(path: str, content: bytes) -> Route:
    media_type = _MEDIA_TYPES[path[path.rindex(".") :]]

    async def serve(_: Request) -> Response:
        return Response(content, media_type=media_type, headers=_HEADERS)

    return Route("/" if path == "index.html" else f"/page/{path}", serve, methods=["GET"])


def _json(status: int, answer: msgspec.Struct) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(_encode(answer), status, headers, media_type="application/json")
