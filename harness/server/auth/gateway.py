"""What stands before a project's HTTP services: the API key, and leave for pages of other origins.

On a real project this is a gateway of its own, so its refusals are in no service's shape.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from harness.server.auth.errors import API_VERSION_HEADER
from harness.server.auth.tokens import Claims, Tokens

_KEY_ROLES = frozenset({"anon", "service_role"})
_PREFLIGHT_MAX_AGE_S = 3600
CORS_HEADERS: Mapping[str, str] = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": f"X-Total-Count, Link, {API_VERSION_HEADER}",
}
"""On every answer. Keys travel in headers, not cookies, so any origin may ask."""


def key_refusal(request: Request, tokens: Tokens, now_s: float) -> Response | None:
    """The answer to a request whose ``apikey`` (header or query) opens nothing."""
    key = request.headers.get("apikey") or request.query_params.get("apikey")
    if not key:
        hint = "No `apikey` request header or url param was found."
        return _unauthorized("No API key found in request", hint)
    verdict = tokens.verify(key, now_s)
    if isinstance(verdict, Claims) and verdict.access.database_role in _KEY_ROLES:
        return None
    hint = "Double check your Supabase `anon` or `service_role` API key."
    return _unauthorized("Invalid API key", hint)


def preflight(request: Request) -> Response:
    """The answer to a browser that asks whether it may ask."""
    headers = {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        "Access-Control-Max-Age": str(_PREFLIGHT_MAX_AGE_S),
    }
    wanted = request.headers.get("access-control-request-headers")
    if wanted is not None:
        headers["Access-Control-Allow-Headers"] = wanted
        headers["Vary"] = "Access-Control-Request-Headers"
    return Response(status_code=204, headers=headers)


def _unauthorized(message: str, hint: str) -> Response:
    return JSONResponse({"message": message, "hint": hint}, 401, dict(CORS_HEADERS))
