"""Who asks through Supabase's gateway: the project's key, and a user's token beside it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.requests import Request

from harness.server.auth.tokens import Claims, Refusal, Tokens
from harness.server.rest.errors import RestError

_CODES: Mapping[str, tuple[str, str]] = {
    "expired": ("PGRST303", "JWT expired"),
    "claims": ("PGRST303", "Parsing claims failed"),
    "malformed": ("PGRST301", "JWT couldn't be decoded"),
    "signature": ("PGRST301", "JWT cryptographic operation failed"),
}
_NO_KEY = ("PGRST301", "No suitable key or wrong key type")
_PROJECT_ROLES = frozenset({"anon", "service_role"})
_ROLES = frozenset({*_PROJECT_ROLES, "authenticated"})


class GatewayError(Exception):
    """The gateway refuses a request before PostgREST sees it; always 401."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.body = msgspec.json.encode({"message": message, "hint": hint})


def asker(request: Request, tokens: Tokens, now_s: float) -> Claims:
    """Whose rights hold: the bearer token's, or the key's where there is none.

    Raises :class:`GatewayError` for a bad key, :class:`RestError` for a bad token.
    """
    key = request.headers.get("apikey") or request.query_params.get("apikey")
    if not key:
        raise GatewayError(
            "No API key found in request", "No `apikey` request header or url param was found."
        )
    project = tokens.verify(key, now_s)
    if isinstance(project, Refusal) or project.access.database_role not in _PROJECT_ROLES:
        raise GatewayError(
            "Invalid API key", "Double check your Supabase `anon` or `service_role` API key."
        )
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or token == key:
        return project
    if not token:
        raise RestError(401, "PGRST301", "Empty JWT is sent in Authorization header")
    claims = tokens.verify(token, now_s)
    if isinstance(claims, Refusal):
        raise RestError(401, *_CODES.get(claims.kind, _NO_KEY))
    if claims.access.database_role not in _ROLES:
        raise RestError(401, "22023", f'role "{claims.access.database_role}" does not exist')
    return claims
