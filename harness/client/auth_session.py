"""The user's session as auth-js keeps it: when it is renewed, and when it ends (R1, H9).

A port of ``@supabase/auth-js`` 2.119.1 (``GoTrueClient.ts``), held against traces of the genuine
one (``tests/harness/client/oracle``). It looks every 30 s while the tab is visible, at once when
the tab is shown, and whenever somebody asks for the token: realtime-js does with every heartbeat,
in hidden tabs too. One renewal is under way at a time, and whoever asks meanwhile waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from math import floor, inf

import msgspec

from harness.client.commands import UseToken
from harness.client.effects import Effects
from harness.client.states import after
from harness.records import SignedOut, TokenRefreshed, TokenRefreshFailed
from harness.wire.unreadable import UNREADABLE

TICK_S = 30.0
"""``AUTO_REFRESH_TICK_DURATION_MS``."""
TICKS_BEFORE = 3
"""``AUTO_REFRESH_TICK_THRESHOLD``: a look renews what ends within so many whole ticks …"""
MARGIN_S = 90.0
"""``EXPIRY_MARGIN_MS``: … and whoever asks for the token renews what ends sooner than this."""
COOLDOWN_S = 60.0
"""``REFRESH_FAILURE_COOLDOWN_MS``: so long a failure stands for whoever asks with that token."""
FIRST_RETRY_S = 0.2
"""Doubles with each try, while the next one falls within :data:`TICK_S` of the first."""
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


class AuthSession:
    """One page's auth-js. What returns ``str | None`` returns the token that Realtime gets.

    After :meth:`answered` and :meth:`failed` call :meth:`go_on`.
    """

    __slots__ = (
        "_anon_key",
        "_cooldown_until_s",
        "_effects",
        "_first_try_s",
        "_initialising",
        "_is_asked",
        "_request",
        "_state",
        "_store",
        "_tick_s",
        "_tries",
        "_unix_minus_clock_s",
        "_visible",
    )

    def __init__(
        self, store: TokenStore, effects: Effects, *, anon_key: str, unix_minus_clock_s: float
    ) -> None:
        """``unix_minus_clock_s``: what to add to the session's times to get Unix time."""
        self._store = store
        self._effects = effects
        self._anon_key = anon_key
        self._unix_minus_clock_s = unix_minus_clock_s
        self._state = Auth.SIGNED_OUT if store.session is None else Auth.SIGNED_IN
        self._request: int | None = None
        self._first_try_s = 0.0
        self._tries = 0
        self._cooldown_until_s = -inf
        self._initialising = False
        self._is_asked = False
        self._tick_s: float | None = None
        """When the look began that waits for a renewal, to judge what it brought."""
        self._visible = True

    # -- what the page does ---------------------------------------------------------------

    def page_opened(self, now_s: float) -> str | None:
        """``createClient``: a session near its end is renewed before anything else is done."""
        if self._is_near_end(now_s) and self._refresh(now_s):
            self._initialising = True
            return None
        return self._initialised(now_s)

    def hidden(self) -> None:
        """No look any more."""
        self._visible = False
        self._stop_looking()

    def shown(self, now_s: float) -> str | None:
        """``_recoverAndRefresh``, and a look at once."""
        self._visible = True
        if self._initialising or self._store.session is None:
            return None
        self._start_looking(now_s)
        if self._is_near_end(now_s):
            self._refresh(now_s)
            return None
        return self._told_to_all()  # SIGNED_IN

    def asked(self, now_s: float) -> str | None:
        """Realtime asks for the token (``getSession``). ``None``: it waits."""
        if self._initialising or (self._is_near_end(now_s) and self._refresh(now_s)):
            self._is_asked = self._effects.token_is_awaited = True
            return None
        return self._best_token(now_s)

    # -- what comes back ------------------------------------------------------------------

    def owns(self, request: int) -> bool:
        return request == self._request

    def answered(self, status: int, body: bytes, now_s: float) -> str | None:
        """The server answered the renewal that is under way."""
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
        return self._renewed(Stored(answer.access_token, answer.refresh_token, ends), now_s)

    def failed(self, reason: str, now_s: float) -> str | None:
        """No answer will come."""
        self._request = None
        return self._failed(reason, now_s, retried=True)

    def go_on(self, now_s: float) -> str | None:
        """Where the renewal is over, one way or the other, whoever waited for it goes on."""
        if self._is_renewing:
            return None
        tick_s, self._tick_s = self._tick_s, None
        token = None
        if self._initialising:
            token = self._initialised(now_s)
            if self._is_renewing:
                return token
        elif tick_s is not None and self._state is Auth.SIGNED_IN:
            self._judge(tick_s, now_s)
        self._is_asked = False
        is_awaited, self._effects.token_is_awaited = self._effects.token_is_awaited, False
        return self._best_token(now_s) if is_awaited else token

    @property
    def is_asked(self) -> bool:
        """Realtime waits for an answer to :meth:`asked`."""
        return self._is_asked

    # -- timers ---------------------------------------------------------------------------

    def tick(self, now_s: float) -> None:
        """The interval of a visible tab."""
        self._effects.wake_at("auth_tick", now_s + TICK_S)
        self.look(now_s)

    def look(self, now_s: float) -> None:
        """``_autoRefreshTokenTick``: the interval's turn, and once when it is set."""
        if self._state is not Auth.SIGNED_IN:
            return
        if self._is_near_end(now_s):
            if self._refresh(now_s):
                self._tick_s = now_s
        else:
            self._judge(now_s, now_s)

    def retry(self) -> None:
        """The wait before another try is over."""
        self._move(AuthEvent.RETRY)
        self._ask_server()

    # -- inside ---------------------------------------------------------------------------

    def _initialised(self, now_s: float) -> str | None:
        """Listeners hear ``INITIAL_SESSION``, for which the session is looked at once more."""
        self._initialising = False
        if self._visible:
            self._start_looking(now_s)
        if self._store.session is None:
            return None
        if self._is_near_end(now_s):
            self._refresh(now_s)
            return None
        return self._told_to_all()

    def _start_looking(self, now_s: float) -> None:
        self._effects.wake_at("auth_look", now_s)
        self._effects.wake_at("auth_tick", now_s + TICK_S)

    def _stop_looking(self) -> None:
        self._effects.cancel("auth_look")
        self._effects.cancel("auth_tick")

    def _judge(self, tick_s: float, now_s: float) -> None:
        """The second half of a look, with the session that its first half has loaded. A token that
        lives shorter than the margin is renewed twice in a look for it."""
        if floor(self._left_s(tick_s) / TICK_S) <= TICKS_BEFORE:
            self._refresh(now_s)

    def _refresh(self, now_s: float) -> bool:
        """Have a renewal under way; False where one failed a short time ago."""
        if self._state is Auth.SIGNED_IN:
            if now_s < self._cooldown_until_s:
                return False
            self._move(AuthEvent.REFRESH)
            self._first_try_s, self._tries = now_s, 0
            self._ask_server()
        return True

    def _ask_server(self) -> None:
        assert self._store.session is not None
        body = msgspec.json.encode({"refresh_token": self._store.session.refresh_token})
        self._request = self._effects.request("POST", REFRESH_PATH, body, to="project")

    def _renewed(self, session: Stored, now_s: float) -> str | None:
        self._move(AuthEvent.RENEWED)
        self._cooldown_until_s = -inf
        self._store.session = session
        self._effects.commands.append(UseToken(session.access_token))
        self._effects.sink.event(
            TokenRefreshed(
                t_s=now_s, user=self._effects.user, lasts_s=round(self._left_s(now_s), 3)
            )
        )
        return self._told_to_all()

    def _failed(self, reason: str, now_s: float, *, retried: bool) -> str | None:
        wait_s = FIRST_RETRY_S * 2**self._tries
        again = retried and now_s + wait_s - self._first_try_s < TICK_S
        self._effects.sink.event(
            TokenRefreshFailed(t_s=now_s, user=self._effects.user, reason=reason, again=again)
        )
        if again:
            self._move(AuthEvent.FAILED)
            self._tries += 1
            self._effects.wake_at("auth_retry", now_s + wait_s)
            return None
        if not retried and self._left_s(now_s) <= 0:
            return self._signed_out(now_s)
        self._move(AuthEvent.GIVE_UP)
        self._cooldown_until_s = now_s + COOLDOWN_S
        return None

    def _signed_out(self, now_s: float) -> str:
        """``_removeSession``, and ``SIGNED_OUT`` to whoever listens."""
        self._move(AuthEvent.REFUSED)
        self._store.session = None
        self._effects.commands.append(UseToken(self._anon_key))
        self._effects.sink.event(SignedOut(t_s=now_s, user=self._effects.user))
        self._stop_looking()
        self._effects.token_is_awaited = False
        return self._anon_key

    def _told_to_all(self) -> str:
        """The token, as an event: Realtime has it, and forgets what it asked for before."""
        self._effects.token_is_awaited = False
        return self._token()

    @property
    def _is_renewing(self) -> bool:
        return self._state in (Auth.REFRESHING, Auth.BACKING_OFF)

    def _best_token(self, now_s: float) -> str:
        """What ``getSession`` gives when nothing better is to be had."""
        is_there = self._store.session is not None and self._left_s(now_s) > 0
        return self._token() if is_there else self._anon_key

    def _token(self) -> str:
        assert self._store.session is not None
        return self._store.session.access_token

    def _is_near_end(self, now_s: float) -> bool:
        return self._store.session is not None and self._left_s(now_s) < MARGIN_S

    def _left_s(self, now_s: float) -> float:
        assert self._store.session is not None
        return self._store.session.expires_at - self._unix_minus_clock_s - now_s

    def _move(self, event: AuthEvent) -> None:
        self._state = after(AUTH_TABLE, self._state, event)
