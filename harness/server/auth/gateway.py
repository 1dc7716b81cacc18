"""What stands before a project's HTTP services: the API key.

On a real project this is a gateway of its own, so its refusals are in no service's shape. Leave
for pages of other origins is given by :mod:`harness.server.edge`.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from harness.server.auth.tokens import Claims, Tokens
from harness.server.credentials import api_key_of

_KEY_ROLES = frozenset({"anon", "service_role"})


def key_refusal(request: Request, tokens: Tokens, now_s: float) -> Response | None:
    """The answer to a request whose ``apikey`` (header or query) opens nothing."""
    key = api_key_of(request.headers, request.query_params)
    if key is None:
        hint = "No `apikey` request header or url param was found."
        return _unauthorized("No API key found in request", hint)
    verdict = tokens.verify(key, now_s)
    if isinstance(verdict, Claims) and verdict.access.database_role in _KEY_ROLES:
        return None
    hint = "Double check your Supabase `anon` or `service_role` API key."
    return _unauthorized("Invalid API key", hint)


def _unauthorized(message: str, hint: str) -> Response:
    return JSONResponse({"message": message, "hint": hint}, 401)
