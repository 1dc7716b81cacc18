"""Signing up and in, refreshing and logging out: Auth's rules over its store.

Times are Unix seconds and are given, and so are ids and refresh tokens by :class:`Chance`. Hashing
of passwords takes long and is the caller's matter, off the event loop.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

import msgspec

from harness.server.access import Role
from harness.server.auth.accounts import Account
from harness.server.auth.answers import AccessToken, Issuer
from harness.server.auth.errors import AuthError, refuse
from harness.server.auth.rotation import RefreshToken, judge
from harness.server.auth.store import AuthStore, Session
from harness.server.switches import Switches

LogoutScope = Literal["global", "local", "others"]

REFRESH_TOKEN_CHARACTERS = 12
_ALPHABET = string.ascii_lowercase + string.digits


def _new_refresh_token() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(REFRESH_TOKEN_CHARACTERS))


@dataclass(frozen=True)
class Chance:
    """Where what must not be guessed comes from."""

    new_id: Callable[[], str] = lambda: str(uuid4())
    """A UUID."""
    new_refresh_token: Callable[[], str] = _new_refresh_token
    """Twelve lower-case letters and digits."""


class Granted(msgspec.Struct, frozen=True):
    """A session that its client may go on with."""

    account: Account
    access: AccessToken
    refresh_token: str


@dataclass(frozen=True)
class Auth:
    """A project's accounts and sessions. Every refusal is an :class:`AuthError`."""

    store: AuthStore
    issuer: Issuer
    switches: Switches
    chance: Chance = Chance()

    def sign_up(
        self, email: str, password_hash: str, user_metadata: dict[str, Any], now_unix_s: float
    ) -> Granted:
        """Add an account, confirmed at once, and sign it in. It is a member of no webinar."""
        account = Account(
            id=self.chance.new_id(),
            email=email,
            password_hash=password_hash,
            webinars={},
            user_metadata={**user_metadata, "email_verified": True},
            created_unix_s=now_unix_s,
            last_sign_in_unix_s=now_unix_s,
        )
        with self.store.transaction():
            # Looked up here and not earlier: the same person may have signed up meanwhile.
            if self.store.account_by_email(email) is not None:
                raise AuthError(422, "user_already_exists", "User already registered")
            self.store.put_account(account)
            return self._begin_session(account, now_unix_s)

    def sign_in(self, account_id: str, now_unix_s: float) -> Granted:
        """Begin a session of an account whose password was right."""
        with self.store.transaction():
            self.store.signed_in(account_id, now_unix_s)
            account = self.store.account(account_id)
            if account is None:
                raise AuthError(400, "invalid_credentials", "Invalid login credentials")
            return self._begin_session(account, now_unix_s)

    def enrol(
        self,
        email: str,
        webinars: dict[str, Role],
        now_unix_s: float,
        *,
        account_id: str | None = None,
        password_hash: str | None = None,
    ) -> Granted:
        """Add an account as an operator does, or change its memberships, and sign it in.

        An account that exists keeps its id, and its password unless there is a new one. Must be
        called inside a transaction of the store. Raises :class:`AuthError` where the id belongs
        to another address.
        """
        account = self.store.account_by_email(email)
        if account is None:
            account = Account(
                id=account_id or self.chance.new_id(),
                email=email,
                password_hash=None,
                webinars={},
                user_metadata={"email_verified": True},
                created_unix_s=now_unix_s,
                last_sign_in_unix_s=now_unix_s,
            )
            if self.store.account(account.id) is not None:
                raise AuthError(409, "conflict", f"id: {account.id} is another account's")
        elif account_id not in (None, account.id):
            raise AuthError(409, "conflict", f"id: the account of {email} is {account.id}")
        account = msgspec.structs.replace(
            account,
            webinars=webinars,
            password_hash=password_hash or account.password_hash,
            last_sign_in_unix_s=now_unix_s,
        )
        self.store.put_account(account)
        return self._begin_session(account, now_unix_s)

    def refresh(self, refresh_token: str, now_unix_s: float) -> Granted:
        """Exchange a refresh token for a new access token and the session's active refresh token.

        One that was reused is refused, and with it all others of its session are revoked.
        """
        with self.store.transaction():
            presented = self.store.refresh_token(refresh_token)
            session = None if presented is None else self.store.session(presented.session_id)
            account = None if session is None else self.store.account(session.account_id)
            if presented is None or session is None or account is None:
                refuse(
                    400,
                    "refresh_token_not_found",
                    "Invalid Refresh Token: Refresh Token Not Found",
                )
            timebox_s = self.switches.knobs.session_timebox_s
            if timebox_s is not None and now_unix_s > session.created_unix_s + timebox_s:
                refuse(400, "session_expired", "Invalid Refresh Token: Session Expired")
            answered = self._rotate(presented, now_unix_s)
        if answered is None:
            # Outside the transaction: the revocation stays.
            refuse(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")
        return self._grant(account, session, answered, now_unix_s)

    def log_out(self, account: Account, session: Session | None, scope: LogoutScope) -> None:
        """End sessions of an account; a token without a session ends all of them."""
        if session is None or scope == "global":
            self.store.end_sessions(account.id)
        elif scope == "local":
            self.store.end_sessions(account.id, only=session.id)
        else:
            self.store.end_sessions(account.id, but=session.id)

    def _rotate(self, presented: RefreshToken, now_unix_s: float) -> str | None:
        """The token to answer with; ``None`` where the family had to be revoked."""
        active = self.store.active_token(presented.session_id)
        verdict = judge(
            presented,
            active,
            now_unix_s=now_unix_s,
            reuse_interval_s=self.switches.knobs.refresh_reuse_interval_s,
        )
        if verdict == "repeat" and active is not None:
            return active.token
        if verdict == "reused":
            self.store.revoke_family(presented.session_id, now_unix_s)
            return None
        self.store.revoke_token(presented.token, now_unix_s)
        return self._issue_token(presented.session_id, presented.token, now_unix_s)

    def _begin_session(self, account: Account, now_unix_s: float) -> Granted:
        session = Session(self.chance.new_id(), account.id, now_unix_s)
        self.store.add_session(session)
        refresh_token = self._issue_token(session.id, "", now_unix_s)
        return self._grant(account, session, refresh_token, now_unix_s)

    def _issue_token(self, session_id: str, parent: str, now_unix_s: float) -> str:
        token = self.chance.new_refresh_token()
        self.store.add_token(token, session_id, parent, now_unix_s)
        return token

    def _grant(
        self, account: Account, session: Session, refresh_token: str, now_unix_s: float
    ) -> Granted:
        access = self.issuer.issue(
            account,
            session,
            now_unix_s=now_unix_s,
            lifetime_s=self.switches.knobs.access_token_lifetime_s,
        )
        return Granted(account, access, refresh_token)
