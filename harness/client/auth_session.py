"""The user's session as auth-js keeps it: when it is renewed, and when it ends (R1, H9).

A port of ``@supabase/auth-js`` 2.119.1 (``GoTrueClient.ts``), held against traces of the genuine
one (``tests/harness/client/oracle``). It looks every 30 s while the tab is visible, at once when
the tab is shown, and whenever somebody asks for the token: realtime-js does with every heartbeat,
in hidden tabs too. One renewal is under way at a time, and whoever asks meanwhile waits for it.
"""

from __future__ import annotations

from math import floor

from harness.client.commands import UseToken
from harness.client.effects import Effects
from harness.client.token_refresh import LOOK_S, Auth, AuthEvent, TokenRefresh, TokenStore
from harness.records import SignedOut

LOOKS_BEFORE = 3
"""``AUTO_REFRESH_TICK_THRESHOLD``: a look renews what ends within the time of so many looks,
counted in whole ones; whoever asks for the token renews what ends sooner (``EXPIRY_MARGIN_MS``)."""


class AuthSession:
    """One page's auth-js. What returns ``str | None`` returns the token that Realtime gets.

    After :meth:`answered` and :meth:`failed` call :meth:`go_on`.
    """

    __slots__ = (
        "_anon_key",
        "_effects",
        "_initialising",
        "_is_asked",
        "_look_s",
        "_refresh",
        "_store",
        "_tick_s",
        "_visible",
    )

    def __init__(
        self,
        store: TokenStore,
        effects: Effects,
        *,
        anon_key: str,
        unix_minus_clock_s: float,
        look_s: float = LOOK_S,
    ) -> None:
        """``unix_minus_clock_s``: what to add to the session's times to get Unix time. ``look_s``:
        from one look at the token to the next."""
        self._store = store
        self._effects = effects
        self._anon_key = anon_key
        self._look_s = look_s
        self._refresh = TokenRefresh(
            store, effects, unix_minus_clock_s=unix_minus_clock_s, look_s=look_s
        )
        self._initialising = False
        self._is_asked = False
        self._tick_s: float | None = None
        """When the look began that waits for a renewal, to judge what it brought."""
        self._visible = True

    # -- what the page does ---------------------------------------------------------------

    def page_opened(self, now_s: float) -> str | None:
        """``createClient``: a session near its end is renewed before anything else is done."""
        if self._is_near_end(now_s) and self._refresh.begin(now_s):
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
            self._refresh.begin(now_s)
            return None
        return self._told_to_all()  # SIGNED_IN

    def asked(self, now_s: float) -> str | None:
        """Realtime asks for the token (``getSession``). ``None``: it waits."""
        if self._initialising or (self._is_near_end(now_s) and self._refresh.begin(now_s)):
            self._is_asked = self._effects.token_is_awaited = True
            return None
        return self._best_token(now_s)

    # -- what comes back ------------------------------------------------------------------

    def owns(self, request: int) -> bool:
        return self._refresh.owns(request)

    def answered(self, status: int, body: bytes, now_s: float) -> str | None:
        """Auth answered the renewal that is under way."""
        return self._came_of_it(self._refresh.answered(status, body, now_s), now_s)

    def failed(self, reason: str, now_s: float) -> str | None:
        """No answer will come."""
        return self._came_of_it(self._refresh.failed(reason, now_s), now_s)

    def go_on(self, now_s: float) -> str | None:
        """Where the renewal is over, one way or the other, whoever waited for it goes on."""
        if self._refresh.is_under_way:
            return None
        tick_s, self._tick_s = self._tick_s, None
        token = None
        if self._initialising:
            token = self._initialised(now_s)
            if self._refresh.is_under_way:
                return token
        elif tick_s is not None and self._refresh.state is Auth.SIGNED_IN:
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
        self._effects.wake_at("auth_tick", now_s + self._look_s)
        self.look(now_s)

    def look(self, now_s: float) -> None:
        """``_autoRefreshTokenTick``: the interval's turn, and once when it is set."""
        if self._refresh.state is not Auth.SIGNED_IN:
            return
        if self._is_near_end(now_s):
            if self._refresh.begin(now_s):
                self._tick_s = now_s
        else:
            self._judge(now_s, now_s)

    def retry(self) -> None:
        """The wait before another try is over."""
        self._refresh.retry()

    # -- inside ---------------------------------------------------------------------------

    def _initialised(self, now_s: float) -> str | None:
        """Listeners hear ``INITIAL_SESSION``, for which the session is looked at once more."""
        self._initialising = False
        if self._visible:
            self._start_looking(now_s)
        if self._store.session is None:
            return None
        if self._is_near_end(now_s):
            self._refresh.begin(now_s)
            return None
        return self._told_to_all()

    def _start_looking(self, now_s: float) -> None:
        self._effects.wake_at("auth_look", now_s)
        self._effects.wake_at("auth_tick", now_s + self._look_s)

    def _stop_looking(self) -> None:
        self._effects.cancel("auth_look")
        self._effects.cancel("auth_tick")

    def _judge(self, tick_s: float, now_s: float) -> None:
        """The second half of a look, with the session that its first half has loaded. A token that
        lives shorter than the margin is renewed twice in a look for it."""
        if floor(self._refresh.left_s(tick_s) / self._look_s) <= LOOKS_BEFORE:
            self._refresh.begin(now_s)

    def _came_of_it(self, event: AuthEvent, now_s: float) -> str | None:
        """``TOKEN_REFRESHED`` or ``SIGNED_OUT``, to whoever listens."""
        match event:
            case AuthEvent.RENEWED:
                token = self._told_to_all()
            case AuthEvent.REFUSED:
                self._stop_looking()
                self._effects.sink.event(SignedOut(t_s=now_s, user=self._effects.user))
                self._effects.token_is_awaited = False
                token = self._anon_key
            case _:
                return None
        self._effects.commands.append(UseToken(token))
        return token

    def _told_to_all(self) -> str:
        """The token, as an event: Realtime has it, and forgets what it asked for before."""
        self._effects.token_is_awaited = False
        return self._token()

    def _best_token(self, now_s: float) -> str:
        """What ``getSession`` gives when nothing better is to be had."""
        is_there = self._store.session is not None and self._refresh.left_s(now_s) > 0
        return self._token() if is_there else self._anon_key

    def _token(self) -> str:
        assert self._store.session is not None
        return self._store.session.access_token

    def _is_near_end(self, now_s: float) -> bool:
        margin_s = LOOKS_BEFORE * self._look_s
        return self._store.session is not None and self._refresh.left_s(now_s) < margin_s
