"""Who holds a token: HS256 tokens of the project's secret, and Realtime's words for bad ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import jwt

from harness.server.access import Access, access_of
from harness.server.walltime import WallTime


@dataclass(frozen=True)
class Claims:
    """What the server believes because of a valid token."""

    token: str
    user_id: str
    """The ``sub`` claim; empty for the public API key."""
    access: Access
    expires_s: float
    """Host-monotonic."""


_LAST_UNIX_S = 2**53
"""A later end is no date; a float would not even hold it."""

RefusalKind = Literal["expired", "claims", "malformed", "signature"]

_JOIN_CODES: dict[RefusalKind, str] = {
    "expired": "InvalidJWTToken",
    "claims": "InvalidJWTToken",
    "malformed": "MalformedJWT",
    "signature": "JwtSignatureError",
}


@dataclass(frozen=True)
class Refusal:
    """Why a token is not believed."""

    kind: RefusalKind
    message: str
    """As the ``system`` message says it."""

    @property
    def handshake_error(self) -> str:
        """As the refused WebSocket handshake says it."""
        return "Token has expired" if self.kind == "expired" else self.message

    @property
    def join_reason(self) -> str:
        """As the refused join says it."""
        return f"{_JOIN_CODES[self.kind]}: {self.message}"


def expired(seconds: float) -> Refusal:
    """The refusal of a token that ended ``seconds`` ago."""
    return Refusal("expired", f"Token has expired {int(seconds)} seconds ago")


@dataclass(frozen=True)
class Tokens:
    """The project's secret, and what it makes of a token."""

    secret: str
    wall_time: WallTime

    def verify(self, token: str, now_s: float) -> Claims | Refusal:
        """Judge ``token`` at ``now_s`` (host-monotonic)."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self.secret,
                algorithms=["HS256"],
                # Expiry is judged below, on the server's one clock and in Realtime's words.
                options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
            )
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
            return Refusal("signature", "Failed to validate JWT signature")
        except (jwt.InvalidTokenError, UnicodeEncodeError):
            return Refusal("malformed", "The token provided is not a valid JWT")
        role, expires = claims.get("role"), claims.get("exp")
        if not isinstance(role, str) or type(expires) is not int or expires > _LAST_UNIX_S:
            return Refusal("claims", "Fields `role` and `exp` are required in JWT")
        expires_s = self.wall_time.monotonic_s(expires)
        if expires_s <= now_s:
            return expired(now_s - expires_s)
        access = access_of(role, claims.get("app_metadata"))
        return Claims(token, str(claims.get("sub", "")), access, expires_s)
