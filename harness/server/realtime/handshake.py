"""Whether a WebSocket handshake is let in. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.server.auth.tokens import Claims, Refusal, Tokens
from harness.wire.phoenix import Vsn

_VSN = re.compile(r"\A([12])\.0\.\d+\Z")


@dataclass(frozen=True)
class Admission:
    """The handshake is accepted."""

    vsn: Vsn
    claims: Claims
    """What the API key says; it holds for joins that bring no token of their own."""


@dataclass(frozen=True)
class Denial:
    """The handshake is answered with an HTTP status instead."""

    status: int
    error: str | None
    """The ``error`` of the JSON body; ``None`` for an empty body, which also comes at once."""


def admit(
    query: Mapping[str, str], headers: Mapping[str, str], tokens: Tokens, now_s: float
) -> Admission | Denial:
    """Judge a handshake by its query and headers (lower-case names)."""
    vsn = _VSN.match(query.get("vsn", "1.0.0"))
    if vsn is None:
        return Denial(403, None)
    key = headers.get("x-api-key") or query.get("apikey")
    if not key:
        return Denial(401, "API key is missing")
    claims = tokens.verify(key, now_s)
    if isinstance(claims, Refusal):
        return Denial(claims.handshake_status, claims.handshake_error)
    return Admission("2.0.0" if vsn.group(1) == "2" else "1.0.0", claims)
