"""Who asks PostgREST: a user by the bearer token, or the project's key by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from starlette.requests import Request

from harness.server.auth.tokens import Claims, Refusal, Tokens
from harness.server.credentials import api_key_of, bearer_of
from harness.server.rest.columns import value_of
from harness.server.rest.errors import RestError

_CODES: Mapping[str, tuple[str, str]] = {
    "expired": ("PGRST303", "JWT expired"),
    "claims": ("PGRST303", "Parsing claims failed"),
    "malformed": ("PGRST301", "JWT couldn't be decoded"),
    "signature": ("PGRST301", "JWT cryptographic operation failed"),
}
_NO_KEY = ("PGRST301", "No suitable key or wrong key type")
_ROLES = frozenset({"anon", "authenticated", "service_role"})


def asker(request: Request, tokens: Tokens, now_s: float) -> Claims:
    """Whose rights hold: the bearer token's, or the key's where there is none.

    The gateway has found the key good. Raises :class:`RestError` for a bad token.
    """
    token = bearer_of(request.headers)
    if token is None:
        token = api_key_of(request.headers, request.query_params) or ""
    elif not token.strip():
        raise RestError(401, "PGRST301", "Empty JWT is sent in Authorization header")
    claims = tokens.verify(token.strip(), now_s)
    if isinstance(claims, Refusal):
        raise RestError(401, *_CODES.get(claims.kind, _NO_KEY))
    if claims.access.database_role not in _ROLES:
        raise RestError(401, "22023", f'role "{claims.access.database_role}" does not exist')
    # The policies compare it with a uuid, and PostgreSQL cannot where it is none.
    user_id = str(value_of("user_id", claims.user_id)) if claims.user_id else ""
    return claims if user_id == claims.user_id else replace(claims, user_id=user_id)
