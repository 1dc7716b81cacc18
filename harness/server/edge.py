"""What every HTTP answer carries, whichever route it comes from: a request id, and CORS.

One ASGI wrapper around an application, so that answers which no route makes (404, 405, 500) and
preflights carry it too.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from uuid import uuid4

from starlette import types as asgi

from harness.server.switches import Switches

Headers = list[tuple[bytes, bytes]]

_SANE_ID = re.compile(rb"\A[A-Za-z0-9._:/+=-]{1,128}\Z")
_EXPOSED = b", ".join(
    [
        b"X-Request-Id, X-Supabase-Api-Version, X-Total-Count, Link",
        b"Content-Range, Content-Location, Location",
    ]
)
"""Of Auth's and of PostgREST's answers what pages may read beside the few that they always may."""
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_DEFAULT_HEADERS = b", ".join(
    [
        b"authorization, apikey, content-type, x-client-info, x-request-id",
        b"x-supabase-api-version, prefer, range, accept-profile, content-profile",
    ]
)
"""What the genuine clients send, for a preflight that names none."""
_PREFLIGHT_AGE_S = 86_400


class Edge:
    """Wraps ``app``. A request's id is the client's own where that is sane, else made."""

    def __init__(
        self,
        app: asgi.ASGIApp,
        switches: Switches,
        make_id: Callable[[], str] | None = None,
    ) -> None:
        self._app = app
        self._switches = switches
        self._make_id = _numbered() if make_id is None else make_id

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """One request, as an ASGI application. What is not HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = dict(scope["headers"])
        carried = [(b"x-request-id", request_id(asked.get(b"x-request-id"), self._make_id))]
        origin = asked.get(b"origin")
        allowed = allow_origin(origin, self._switches.knobs.cors_origins)
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in asked:
            headers = carried + _preflight(allowed, asked.get(b"access-control-request-headers"))
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        carried += allowed
        if allowed:
            carried.append((b"access-control-expose-headers", _EXPOSED))

        names = {name for name, _ in carried}

        async def send_more(message: asgi.Message) -> None:
            if message["type"] == "http.response.start":
                own = [one for one in message.get("headers", ()) if one[0] not in names]
                message = {**message, "headers": [*own, *carried]}
            await send(message)

        await self._app(scope, receive, send_more)


def _numbered() -> Callable[[], str]:
    """Ids that no other process makes, without asking the system for chance at each request."""
    prefix, numbers = uuid4().hex[:12], itertools.count(1)
    return lambda: f"{prefix}-{next(numbers)}"


def request_id(given: bytes | None, make_id: Callable[[], str]) -> bytes:
    """The client's id, unless it is none, too long, or holds what no id needs."""
    return given if given and _SANE_ID.match(given) else make_id().encode()


def allow_origin(origin: bytes | None, configured: str) -> Headers:
    """What tells a browser that a page of ``origin`` may read the answer; nothing if it may not.

    ``configured``: origins separated by commas, or ``*`` for all. No request needs cookies, so
    the star may stand in the answer as it is.
    """
    if configured.strip() == "*":
        return [(b"access-control-allow-origin", b"*")]
    origins = [one.strip().encode() for one in configured.split(",") if one.strip()]
    vary = [(b"vary", b"Origin")]
    if origin is None or origin not in origins:
        return vary if origins else []
    return [(b"access-control-allow-origin", origin), *vary]


def _preflight(allowed: Headers, asked_headers: bytes | None) -> Headers:
    if not any(name == b"access-control-allow-origin" for name, _ in allowed):
        return allowed
    return [
        *allowed,
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", asked_headers or _DEFAULT_HEADERS),
        (b"access-control-max-age", str(_PREFLIGHT_AGE_S).encode()),
    ]
