"""Who calls: the bearer token of a request to the chat."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from starlette.exceptions import HTTPException
from starlette.requests import Request

from harness.server.auth.tokens import Claims, Refusal, Tokens

_WORDS: Mapping[str, str] = MappingProxyType({"issuer": "the token is from another issuer"})
"""Where Realtime has no words that say what is wrong."""


def caller(request: Request, tokens: Tokens, now_s: float) -> Claims:
    """Whose token it is. Raises 401 where there is none, or it names nobody."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise HTTPException(401, "Authorization: a Bearer token is needed")
    claims = tokens.verify(token.strip(), now_s)
    if isinstance(claims, Refusal):
        raise HTTPException(401, f"Authorization: {_WORDS.get(claims.kind, claims.message)}")
    if not claims.user_id:
        raise HTTPException(401, "Authorization: the token names no user (claim `sub`)")
    return claims
