"""The HTTP routes of the Realtime port: broadcasts without a socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from harness.server.access import Access
from harness.server.auth.tokens import Refusal
from harness.server.bodies import BodyCutOff, BodyTooLarge, read_body
from harness.server.credentials import api_key_of, bearer_of
from harness.server.realtime.rest_broadcast import (
    Rejected,
    over_rate,
    read_batch,
    read_single,
)
from harness.server.realtime.shell import Realtime

_PREFIXES = ("/realtime/v1/api", "/api")
"""As hosted behind the gateway, and as the bare server."""
_CONTENT_TYPES = ("application/json", "application/octet-stream")

MAX_BODY_BYTES = 8_000_000
"""As the genuine server's parser takes; a plan's limit for one payload is judged besides."""

Answer = Callable[[Request, Access], Awaitable[Rejected | None]]


def broadcast_routes(realtime: Realtime) -> list[Route]:
    """The routes over a running Realtime."""
    quotas = realtime.quotas

    async def body_of(request: Request) -> bytes:
        return await read_body(request, MAX_BODY_BYTES)

    async def batch(request: Request, access: Access) -> Rejected | None:
        posted = read_batch(await body_of(request), access, quotas, realtime.now_s())
        if isinstance(posted, Rejected):
            return posted
        for one in posted:
            realtime.broadcast(one.name, one.broadcast)
        return None

    async def single(request: Request, access: Access) -> Rejected | None:
        kind = request.headers.get("content-type", _CONTENT_TYPES[0]).partition(";")[0].strip()
        if kind not in _CONTENT_TYPES:
            allowed = " or ".join(_CONTENT_TYPES)
            return Rejected(415, {"error": f"Unsupported Media Type. Use {allowed}"})
        posted = read_single(
            request.path_params["topic"],
            request.path_params["event"],
            await body_of(request),
            access,
            quotas,
            private=request.query_params.get("private") == "true",
            is_json=kind == _CONTENT_TYPES[0],
        )
        if isinstance(posted, Rejected):
            return posted
        realtime.broadcast(posted.name, posted.broadcast)
        return None

    async def judged(request: Request, answer: Answer) -> Rejected | None:
        rejected = over_rate(quotas, realtime.now_s())
        if rejected is not None:
            return rejected
        token = bearer_of(request.headers) or api_key_of(request.headers)
        claims = None if token is None else realtime.verify(token)
        if claims is None or isinstance(claims, Refusal):
            return Rejected(401, {"message": "Unauthorized"})
        try:
            return await answer(request, claims.access)
        except BodyTooLarge as error:
            return Rejected(413, {"message": f"Request Entity Too Large: {error}"})
        except BodyCutOff as error:
            return Rejected(400, {"message": f"Bad Request: {error}"})

    def route(path: str, answer: Answer) -> Route:
        async def endpoint(request: Request) -> Response:
            rejected = await judged(request, answer)
            if rejected is not None:
                return JSONResponse(rejected.body, rejected.status)
            return Response(status_code=202)

        return Route(path, endpoint, methods=["POST"])

    return [
        made
        for prefix in _PREFIXES
        for made in (
            route(f"{prefix}/broadcast", batch),
            route(f"{prefix}/broadcast/{{topic}}/events/{{event}}", single),
        )
    ]
