"""Who calls: the bearer token of a request to the chat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from starlette.exceptions import HTTPException
from starlette.requests import Request

from harness.server.auth.tokens import Claims, Refusal, Tokens
from harness.server.credentials import bearer_of
from harness.wire.api import uuid_text

_WORDS: Mapping[str, str] = MappingProxyType({"issuer": "the token is from another issuer"})
"""Where Realtime has no words that say what is wrong."""


def caller(request: Request, tokens: Tokens, now_s: float) -> Claims:
    """Whose token it is. Raises 401 where there is none, or it names nobody."""
    token = bearer_of(request.headers)
    if not token:
        raise HTTPException(401, "Authorization: a Bearer token is needed")
    claims = tokens.verify(token.strip(), now_s)
    if isinstance(claims, Refusal):
        raise HTTPException(401, f"Authorization: {_WORDS.get(claims.kind, claims.message)}")
    user_id = uuid_text(claims.user_id)
    if user_id is None:
        raise HTTPException(401, "Authorization: the token names no user (claim `sub`, a UUID)")
    return claims if user_id == claims.user_id else replace(claims, user_id=user_id)
