"""Users and sessions as clients of Auth see them, field by field in its order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec

from harness.server.auth.accounts import Account
from harness.server.auth.jws import EcKey, sign
from harness.server.auth.store import Session

AUDIENCE = "authenticated"
ROLE = "authenticated"
_IDENTITIES = UUID("b6a0f6fd-6a0d-5d83-9a7c-0c7b8c1f4d2e")


class IdentityAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The one way to sign in that an account has: its address."""

    identity_id: str
    id: str
    user_id: str
    identity_data: dict[str, Any]
    provider: str
    last_sign_in_at: str
    created_at: str
    updated_at: str
    email: str


class UserAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """``GET /user``, and ``user`` in a session."""

    id: str
    aud: str
    role: str
    email: str
    email_confirmed_at: str
    phone: str
    confirmed_at: str
    last_sign_in_at: str
    app_metadata: dict[str, Any]
    user_metadata: dict[str, Any]
    identities: tuple[IdentityAnswer, ...]
    created_at: str
    updated_at: str
    is_anonymous: bool


class SessionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a sign-in or a refresh answers."""

    access_token: str
    token_type: str
    expires_in: int
    expires_at: int
    refresh_token: str
    user: UserAnswer


def user_answer(account: Account) -> UserAnswer:
    """An account as its user sees it."""
    created, signed_in = _rfc3339(account.created_unix_s), _rfc3339(account.last_sign_in_unix_s)
    identity = IdentityAnswer(
        identity_id=str(uuid5(_IDENTITIES, account.id)),
        id=account.id,
        user_id=account.id,
        identity_data={
            "email": account.email,
            "email_verified": False,
            "phone_verified": False,
            "sub": account.id,
        },
        provider="email",
        last_sign_in_at=created,
        created_at=created,
        updated_at=created,
        email=account.email,
    )
    return UserAnswer(
        id=account.id,
        aud=AUDIENCE,
        role=ROLE,
        email=account.email,
        email_confirmed_at=created,
        phone="",
        confirmed_at=created,
        last_sign_in_at=signed_in,
        app_metadata=account.app_metadata,
        user_metadata=account.user_metadata,
        identities=(identity,),
        created_at=created,
        updated_at=signed_in,
        is_anonymous=False,
    )


@dataclass(frozen=True)
class AccessToken:
    """A signed token and its end."""

    token: str
    expires_in_s: int
    expires_at_unix_s: int


@dataclass(frozen=True, kw_only=True)
class Issuer:
    """Signs the access tokens of sessions."""

    issuer: str
    """The ``iss`` claim: Auth's own URL."""
    key: str | EcKey = field(repr=False)
    """The project's secret, or its key pair."""

    def issue(
        self, account: Account, session: Session, *, now_unix_s: float, lifetime_s: int
    ) -> AccessToken:
        """A token with all the claims of a real one."""
        issued_unix_s = int(now_unix_s)
        claims = {
            "iss": self.issuer,
            "sub": account.id,
            "aud": AUDIENCE,
            "exp": issued_unix_s + lifetime_s,
            "iat": issued_unix_s,
            "email": account.email,
            "phone": "",
            "app_metadata": account.app_metadata,
            "user_metadata": account.user_metadata,
            "role": ROLE,
            "aal": "aal1",
            "amr": [{"method": "password", "timestamp": int(session.created_unix_s)}],
            "session_id": session.id,
            "is_anonymous": False,
        }
        return AccessToken(sign(claims, self.key), lifetime_s, issued_unix_s + lifetime_s)


def session_answer(account: Account, access: AccessToken, refresh_token: str) -> SessionAnswer:
    """A session as its client gets it."""
    return SessionAnswer(
        access_token=access.token,
        token_type="bearer",
        expires_in=access.expires_in_s,
        expires_at=access.expires_at_unix_s,
        refresh_token=refresh_token,
        user=user_answer(account),
    )


def _rfc3339(unix_s: float) -> str:
    text = datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="microseconds")
    return text.removesuffix("+00:00") + "Z"
