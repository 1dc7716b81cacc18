"""Whom Auth itself believes: its own judgement of access tokens, which is not Realtime's.

Auth wants no ``role`` and no ``exp``, but looks at ``nbf`` and whether the account and the session
still exist; everything wrong with a token is a 403. The issuer is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from uuid import UUID

from harness.server.auth.accounts import Account
from harness.server.auth.errors import refuse
from harness.server.auth.jws import EcKey, Opened, Unopened, numeric_date, open_token
from harness.server.auth.store import AuthStore, Session
from harness.server.credentials import bearer_of
from harness.wire.api import uuid_text

_TOKEN = re.compile(r"\S+")
_NO_SESSION = str(UUID(int=0))


@dataclass(frozen=True)
class Bearer:
    """Whose token it is."""

    account: Account
    session: Session | None
    """``None`` for a token that names none."""
    audience: str
    """The first of the token's; empty where it has none."""


@dataclass(frozen=True)
class Bearers:
    """Judges the ``Authorization`` header of Auth's own routes."""

    store: AuthStore
    secret: str = field(repr=False)
    ec_key: EcKey | None = None

    def bearer(self, headers: Mapping[str, str], now_unix_s: float) -> Bearer:
        """Whose token the headers have. Raises :class:`~.errors.AuthError`."""
        token = bearer_of(headers)
        if token is None or not _TOKEN.fullmatch(token):
            refuse(401, "no_authorization", "This endpoint requires a valid Bearer token")
        opened = open_token(token, self.secret, self.ec_key)
        if isinstance(opened, Unopened):
            _bad_token(_why(opened))
        header = opened.header
        if self.ec_key and header["alg"] == "HS256" and header.get("kid") == self.ec_key.kid:
            # Auth looks for the key by its id alone, and finds the one that cannot do this.
            _bad_token("token signature is invalid: key is of invalid type")
        _check_times(opened.claims, now_unix_s)
        account = self._account(opened.claims.get("sub"))
        return Bearer(account, self._session(opened), _first(opened.claims.get("aud")))

    def _account(self, subject: Any) -> Account:
        if not subject:
            refuse(403, "bad_jwt", "invalid claim: missing sub claim")
        account_id = _uuid(subject)
        if account_id is None:
            refuse(400, "bad_jwt", "invalid claim: sub claim must be a UUID")
        account = self.store.account(account_id)
        if account is None:
            refuse(403, "user_not_found", "User from sub claim in JWT does not exist")
        return account

    def _session(self, opened: Opened) -> Session | None:
        claim = opened.claims.get("session_id")
        if claim in (None, "", _NO_SESSION):
            return None
        session_id = _uuid(claim)
        if session_id is None:
            refuse(403, "bad_jwt", "invalid claim: session_id claim must be a UUID")
        session = self.store.session(session_id)
        if session is None:
            refuse(403, "session_not_found", "Session from session_id claim in JWT does not exist")
        return session


def _check_times(claims: dict[str, Any], now_unix_s: float) -> None:
    expires, begins = (_date(claims, name) for name in ("exp", "nbf"))
    if expires is not None and now_unix_s >= expires:
        _bad_token("token has invalid claims: token is expired")
    if begins is not None and now_unix_s < begins:
        _bad_token("token has invalid claims: token is not valid yet")


def _date(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    date = numeric_date(value)
    if date is None:
        _bad_token(f"token is malformed: {name} is no date")
    return date


def _first(audience: Any) -> str:
    if isinstance(audience, list):
        audience = audience[0] if audience else ""
    return audience if isinstance(audience, str) else ""


def _uuid(claim: Any) -> str | None:
    return uuid_text(claim) if isinstance(claim, str) else None


def _why(unopened: Unopened) -> str:
    match unopened.kind:
        case "malformed":
            return "token is malformed"
        case "signature":
            return "token signature is invalid: signature is invalid"
        case "no key" if unopened.algorithm == "ES256":
            what = f"unrecognized JWT kid {unopened.kid} for algorithm {unopened.algorithm}"
            return f"token is unverifiable: error while executing keyfunc: {what}"
        case "no key":
            method = unopened.algorithm
            return f"token signature is invalid: signing method {method} is invalid"


def _bad_token(why: str) -> NoReturn:
    refuse(403, "bad_jwt", f"invalid JWT: unable to parse or verify signature, {why}")
