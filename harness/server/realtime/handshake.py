"""Whether a WebSocket handshake is let in, and with what it is answered otherwise. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from harness.server.auth.tokens import Claims, Refusal, Tokens
from harness.server.realtime.quotas import Quotas
from harness.server.switches import Switches
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
    error: str | None = None
    """The ``error`` of the JSON body; ``None``: the body is empty and the answer comes at once."""

    @property
    def body(self) -> bytes:
        """The body of the answer."""
        return b"" if self.error is None else msgspec.json.encode({"error": self.error})

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers of the answer."""
        return [] if self.error is None else [(b"content-type", b"application/json; charset=utf-8")]


@dataclass(frozen=True)
class Hang:
    """The handshake is never answered."""


_NO_KEY = Refusal("malformed", "API key is missing")
Verdict = Admission | Denial | Hang

_FORCED = {
    401: "Failed to validate JWT signature",
    403: "Realtime was disabled for this tenant",
    404: "Tenant not found",
    429: "Too many connected users",
    500: "Error connecting to Realtime",
}


@dataclass(frozen=True)
class Gate:
    """Judges handshakes by tokens, quotas and what the knobs force."""

    tokens: Tokens
    switches: Switches
    quotas: Quotas

    def admit(self, query: Mapping[str, str], headers: Mapping[str, str], now_s: float) -> Verdict:
        """Judge a handshake by its query and headers (lower-case names)."""
        return self._forced() or self._judged(query, headers, now_s)

    def _forced(self) -> Verdict | None:
        knobs = self.switches.knobs
        if knobs.handshake_hang:
            return Hang()
        if knobs.handshake_status:
            return Denial(knobs.handshake_status, _FORCED.get(knobs.handshake_status))
        return None

    def _judged(
        self, query: Mapping[str, str], headers: Mapping[str, str], now_s: float
    ) -> Verdict:
        vsn = _VSN.match(query.get("vsn", "1.0.0"))
        if vsn is None:
            return Denial(403)
        key = headers.get("x-api-key", query.get("apikey"))
        claims = _NO_KEY if key is None else self.tokens.verify(key, now_s)
        if isinstance(claims, Refusal):
            return Denial(claims.handshake_status, claims.handshake_error)
        if not self.quotas.has_room():
            return Denial(429, "Too many connected users")
        if self.quotas.too_many_joins(now_s):
            return Denial(429, "Too many joins per second")
        return Admission("2.0.0" if vsn.group(1) == "2" else "1.0.0", claims)
