"""One renewal of an access token at a time: the request, its tries, and what came of it (H9).

A port of ``_callRefreshToken`` and ``_refreshAccessToken`` of ``@supabase/auth-js`` 2.119.1. When
one is asked for is :mod:`harness.client.auth_session`'s matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from math import inf

import msgspec

from harness.client.effects import Effects
from harness.client.states import after
from harness.records import TokenRefreshed, TokenRefreshFailed
from harness.wire.unreadable import UNREADABLE

LOOK_S = 30.0
"""``AUTO_REFRESH_TICK_DURATION_MS``: from one look at the token to the next."""
COOLDOWN_S = 60.0
"""``REFRESH_FAILURE_COOLDOWN_MS``: so long a failure stands for whoever asks with that token."""
FIRST_RETRY_S = 0.2
"""Doubles with each try, while the next one falls within a look's time of the first."""
RETRIED_STATUSES = frozenset((*range(500, 505), *range(520, 531)))
"""``NETWORK_ERROR_CODES`` of auth-js's ``fetch.ts``."""
REFRESH_PATH = "/auth/v1/token?grant_type=refresh_token"


class Auth(Enum):
    """The state of the session."""

    SIGNED_IN = auto()
    """The session is there, and no renewal is under way; its access token may have ended."""
    REFRESHING = auto()
    """The server is asked for a new token."""
    BACKING_OFF = auto()
    """No answer, or a server that failed: asked again after a wait."""
    SIGNED_OUT = auto()
    """The session is gone: the page goes on as nobody."""


class AuthEvent(Enum):
    REFRESH = auto()
    RENEWED = auto()
    FAILED = auto()
    """In a way that another try may mend."""
    RETRY = auto()
    GIVE_UP = auto()
    """No further try for a while; the old token is kept."""
    REFUSED = auto()
    """The server will not renew it, and the access token has ended too."""


AUTH_TABLE: dict[tuple[Auth, AuthEvent], Auth] = {
    (Auth.SIGNED_IN, AuthEvent.REFRESH): Auth.REFRESHING,
    (Auth.REFRESHING, AuthEvent.RENEWED): Auth.SIGNED_IN,
    (Auth.REFRESHING, AuthEvent.FAILED): Auth.BACKING_OFF,
    (Auth.REFRESHING, AuthEvent.GIVE_UP): Auth.SIGNED_IN,
    (Auth.REFRESHING, AuthEvent.REFUSED): Auth.SIGNED_OUT,
    (Auth.BACKING_OFF, AuthEvent.RETRY): Auth.REFRESHING,
}


class Stored(msgspec.Struct, frozen=True):
    """A session as the browser stores it, and as Auth answers it."""

    access_token: str
    refresh_token: str
    expires_at: int
    """Unix seconds; of the access token."""


@dataclass(slots=True)
class TokenStore:
    """The page's ``localStorage``: outlives the page, and a new one begins with what is there."""

    session: Stored | None
    """``None``: signed out."""


class _Answer(msgspec.Struct, frozen=True):
    access_token: str = ""
    refresh_token: str = ""
    expires_in: float = 0.0
    expires_at: int | None = None


_decode_answer = msgspec.json.Decoder(_Answer).decode


class TokenRefresh:
    """The renewals of one page, which share its stored session."""

    __slots__ = (
        "_cooldown_until_s",
        "_effects",
        "_first_try_s",
        "_look_s",
        "_request",
        "_store",
        "_tries",
        "_unix_minus_clock_s",
        "state",
    )

    def __init__(
        self,
        store: TokenStore,
        effects: Effects,
        *,
        unix_minus_clock_s: float,
        look_s: float = LOOK_S,
    ) -> None:
        """``unix_minus_clock_s``: what to add to the session's times to get Unix time."""
        self.state = Auth.SIGNED_OUT if store.session is None else Auth.SIGNED_IN
        self._store = store
        self._effects = effects
        self._unix_minus_clock_s = unix_minus_clock_s
        self._look_s = look_s
        self._request: int | None = None
        self._first_try_s = 0.0
        self._tries = 0
        self._cooldown_until_s = -inf

    @property
    def is_under_way(self) -> bool:
        return self.state in (Auth.REFRESHING, Auth.BACKING_OFF)

    def left_s(self, now_s: float) -> float:
        """Until the end of the stored access token; negative after it."""
        assert self._store.session is not None
        return self._store.session.expires_at - self._unix_minus_clock_s - now_s

    def begin(self, now_s: float) -> bool:
        """Have a renewal under way; False where one failed a short time ago."""
        if self.state is Auth.SIGNED_IN:
            if now_s < self._cooldown_until_s:
                return False
            self._move(AuthEvent.REFRESH)
            self._first_try_s, self._tries = now_s, 0
            self._ask()
        return True

    def owns(self, request: int) -> bool:
        return request == self._request

    def answered(self, status: int, body: bytes, now_s: float) -> AuthEvent:
        """Auth answered; returns what that means."""
        self._request = None
        if not 200 <= status < 300:
            return self._failed(f"HTTP {status}", now_s, retried=status in RETRIED_STATUSES)
        try:
            answer = _decode_answer(body)
        except msgspec.ValidationError:
            return self._failed("an answer without a session", now_s, retried=False)
        except UNREADABLE as error:  # auth-js takes what is no JSON for a network error
            return self._failed(f"unreadable answer: {error}"[:200], now_s, retried=True)
        if not (answer.access_token and answer.refresh_token and answer.expires_in):
            return self._failed("an answer without a session", now_s, retried=False)
        ends = answer.expires_at or round(now_s + self._unix_minus_clock_s + answer.expires_in)
        self._store.session = Stored(answer.access_token, answer.refresh_token, ends)
        self._cooldown_until_s = -inf
        lasts_s = round(self.left_s(now_s), 3)
        event = TokenRefreshed(t_s=now_s, user=self._effects.user, lasts_s=lasts_s)
        self._effects.sink.event(event)
        return self._move(AuthEvent.RENEWED)

    def failed(self, reason: str, now_s: float) -> AuthEvent:
        """No answer will come; returns what that means."""
        self._request = None
        return self._failed(reason, now_s, retried=True)

    def retry(self) -> None:
        """The wait before another try is over."""
        self._move(AuthEvent.RETRY)
        self._ask()

    def _ask(self) -> None:
        assert self._store.session is not None
        body = msgspec.json.encode({"refresh_token": self._store.session.refresh_token})
        self._request = self._effects.request("POST", REFRESH_PATH, body, to="project")

    def _failed(self, reason: str, now_s: float, *, retried: bool) -> AuthEvent:
        wait_s = FIRST_RETRY_S * 2**self._tries
        again = retried and now_s + wait_s - self._first_try_s < self._look_s
        self._effects.sink.event(
            TokenRefreshFailed(t_s=now_s, user=self._effects.user, reason=reason, again=again)
        )
        if again:
            self._tries += 1
            self._effects.wake_at("auth_retry", now_s + wait_s)
            return self._move(AuthEvent.FAILED)
        if not retried and self.left_s(now_s) <= 0:
            self._store.session = None
            return self._move(AuthEvent.REFUSED)
        self._cooldown_until_s = now_s + COOLDOWN_S
        return self._move(AuthEvent.GIVE_UP)

    def _move(self, event: AuthEvent) -> AuthEvent:
        self.state = after(AUTH_TABLE, self.state, event)
        return event
