"""R1: how the user's token gets to Realtime, and how a renewed one follows it."""

from __future__ import annotations

from harness.client.auth_session import AuthSession
from harness.client.commands import UseToken
from harness.client.effects import Effects
from harness.client.realtime import Realtime


class RealtimeToken:
    """Stands between auth-js and realtime-js, like ``onAuthStateChange`` and ``accessToken``.

    Where the token outlives the page, or the page does not renew it, there is no auth-js.
    """

    __slots__ = ("_auth", "_effects", "_opens_with", "_realtime")

    def __init__(
        self,
        auth: AuthSession | None,
        realtime: Realtime,
        effects: Effects,
        *,
        opens_with: str | None,
    ) -> None:
        """``opens_with``: the token of the page's first requests, if it is not the identity's."""
        self._auth = auth
        self._realtime = realtime
        self._effects = effects
        self._opens_with = opens_with

    def announce(self) -> None:
        """Before the first request of a page."""
        if self._opens_with is not None:
            self._effects.commands.append(UseToken(self._opens_with))

    def page_opened(self, now_s: float) -> None:
        if self._auth is not None:
            self.renew(self._auth.page_opened(now_s), now_s)
        self.give_if_wanted(now_s)

    def set_visible(self, visible: bool, now_s: float) -> None:
        if self._auth is None:
            return
        if visible:
            self.renew(self._auth.shown(now_s), now_s)
        else:
            self._auth.hidden()

    def renew(self, token: str | None, now_s: float) -> None:
        """The token that Realtime gets from now on; ``None``: the one it has."""
        if token is not None:
            self._realtime.set_token(token, now_s)

    def give_if_wanted(self, now_s: float) -> None:
        """To the Realtime library, where it asked for it."""
        if self._effects.token_is_wanted:
            self._effects.token_is_wanted = False
            if self._auth is not None:
                self.renew(self._auth.asked(now_s), now_s)

    # -- what comes back ------------------------------------------------------------------

    def owns(self, request: int) -> bool:
        return self._auth is not None and self._auth.owns(request)

    def answered(self, status: int, body: bytes, now_s: float) -> None:
        """Auth answered the renewal that is under way."""
        assert self._auth is not None  # it owns the request
        self._heard(self._auth, self._auth.answered(status, body, now_s), now_s)

    def failed(self, reason: str, now_s: float) -> None:
        """No answer will come."""
        assert self._auth is not None  # it owns the request
        self._heard(self._auth, self._auth.failed(reason, now_s), now_s)

    def _heard(self, auth: AuthSession, token: str | None, now_s: float) -> None:
        self.renew(token, now_s)
        self.renew(auth.go_on(now_s), now_s)
        if not auth.is_asked:
            self._realtime.token_came(now_s)
        self.give_if_wanted(now_s)

    # -- timers ---------------------------------------------------------------------------

    def wake(self, timer: str, now_s: float) -> bool:
        """Whether the timer was one of auth-js's; it has run then."""
        if self._auth is None:
            return False
        match timer:
            case "auth_tick":
                self._auth.tick(now_s)
            case "auth_look":
                self._auth.look(now_s)
            case "auth_retry":
                self._auth.retry()
            case _:
                return False
        return True
