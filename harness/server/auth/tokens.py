"""Whom Realtime and the chat's API believe, and Realtime's words for those it does not.

They check what Realtime checks: the signature, ``exp``, and that there is a ``role``. Neither it
nor PostgREST looks at ``iss``, and Realtime not at ``nbf`` either; :mod:`.bearers` is Auth's own,
different judgement.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from harness.server.access import Access, access_of
from harness.server.auth.jws import EcKey, Unopened, numeric_date, open_token
from harness.server.knobs import Knobs
from harness.server.switches import Switches
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


_MAX_KNOWN = 16_384
"""Tokens whose signature need not be checked again; about 1.5 KB each."""

RefusalKind = Literal["expired", "claims", "malformed", "signature", "signer", "issuer"]

_JOIN_CODES: dict[RefusalKind, str] = {
    "expired": "InvalidJWTToken",
    "claims": "InvalidJWTToken",
    "malformed": "MalformedJWT",
    "signature": "JwtSignatureError",
    "signer": "JwtSignerError",
}


@dataclass(frozen=True)
class Refusal:
    """Why a token is not believed."""

    kind: RefusalKind
    message: str
    """As the ``system`` message says it."""

    @property
    def handshake_status(self) -> int:
        """HTTP's, for the refused WebSocket handshake."""
        return 500 if self.kind == "issuer" else 401

    @property
    def handshake_error(self) -> str:
        """As the refused WebSocket handshake says it."""
        match self.kind:
            case "expired":
                return "Token has expired"
            case "issuer":
                return "Error connecting to Realtime"
            case _:
                return self.message

    @property
    def join_reason(self) -> str:
        """As the refused join says it."""
        code = _JOIN_CODES.get(self.kind)
        # Realtime has no words for a claim that its operator forbids.
        return "Unknown Error on Channel" if code is None else f"{code}: {self.message}"


def expired(seconds: float) -> Refusal:
    """The refusal of a token that ended ``seconds`` ago."""
    return Refusal("expired", f"Token has expired {int(seconds)} seconds ago")


@dataclass(frozen=True)
class _Known:
    """What a token with a good signature says, for as long as it holds."""

    claims: Claims
    """As of a server whose clock is right."""
    issuer: str | None


@dataclass(frozen=True)
class Tokens:
    """The project's keys, and what they make of a token."""

    secret: str = field(repr=False)
    wall_time: WallTime
    ec_key: EcKey | None = None
    switches: Switches = field(default_factory=lambda: Switches(Knobs()))
    _known: dict[str, _Known] = field(default_factory=dict, repr=False, compare=False)

    def verify(self, token: str, now_s: float) -> Claims | Refusal:
        """Judge ``token`` at ``now_s`` (host-monotonic).

        A signature is checked once, its claims by the clock and the knobs each time: checking
        costs 40 µs with HS256 and 110 µs with ES256, looking up a fraction of one.
        """
        known = self._known.get(token)
        if known is None:
            verdict = self._open(token)
            if isinstance(verdict, Refusal):
                return verdict
            known = verdict
            self._remember(token, known)
        knobs = self.switches.knobs
        expires_s = known.claims.expires_s - knobs.clock_skew_s
        if expires_s <= now_s:
            return expired(now_s - expires_s)
        if knobs.required_issuer and known.issuer not in (None, knobs.required_issuer):
            return Refusal("issuer", "The token is of another issuer")
        return (
            known.claims if not knobs.clock_skew_s else replace(known.claims, expires_s=expires_s)
        )

    def _open(self, token: str) -> _Known | Refusal:
        opened = open_token(token, self.secret, self.ec_key)
        if isinstance(opened, Unopened):
            return _refusal(opened)
        role, expires_unix_s = opened.claims.get("role"), numeric_date(opened.claims.get("exp"))
        if not isinstance(role, str) or expires_unix_s is None:
            return Refusal("claims", "Fields `role` and `exp` are required in JWT")
        subject = opened.claims.get("sub")
        claims = Claims(
            token=token,
            user_id=subject if isinstance(subject, str) else "",
            access=access_of(role, opened.claims.get("app_metadata")),
            expires_s=self.wall_time.monotonic_s(round(expires_unix_s)),
        )
        issuer = opened.claims.get("iss")
        return _Known(claims, None if issuer is None else str(issuer))

    def _remember(self, token: str, known: _Known) -> None:
        if len(self._known) >= _MAX_KNOWN:
            del self._known[next(iter(self._known))]  # the oldest
        self._known[token] = known


def _refusal(unopened: Unopened) -> Refusal:
    match unopened.kind:
        case "malformed":
            return Refusal("malformed", "The token provided is not a valid JWT")
        case "signature":
            return Refusal("signature", "Failed to validate JWT signature")
        case "no key":
            asymmetric = unopened.algorithm == "ES256" and isinstance(unopened.kid, str)
            which = f' for key ID (kid) "{unopened.kid}"' if asymmetric else ""
            advice = "check your JWT secret or JWKS configuration"
            return Refusal("signer", f"Failed to generate JWT signer{which}, {advice}")
