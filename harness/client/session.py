"""One emulated chat user: the page as a pure state machine.

Feed it what happened (each input carries the time), then :meth:`Session.drain` the commands and
look at :attr:`Session.next_wake_s`. No socket, clock, sleep, thread or global randomness inside:
the same seed and inputs give the same commands and records, byte for byte.

The way a message travels: ``type_message`` → ``Composer.send`` → ``StartRequest`` … the server
commits … ``frame_received`` → ``Realtime`` → ``Screen.row_arrived`` → ``MessageList.arrive``
→ ``Sink.delivery``; or by ``Fallback`` (poll), or by the answer of the send.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from harness.client.auth_session import AuthSession
from harness.client.commands import Command
from harness.client.composer import Attempt, Composer
from harness.client.cursor import Cursor
from harness.client.effects import Effects
from harness.client.fallback import Fallback
from harness.client.history import History
from harness.client.library import CURRENT, Library
from harness.client.message_list import Bubble, MessageList
from harness.client.moderation import Moderation
from harness.client.policy import Policy
from harness.client.realtime import Realtime, Signal
from harness.client.realtime_token import RealtimeToken
from harness.client.screen import Screen
from harness.client.throttling import Throttling
from harness.client.token_refresh import LOOK_S, TokenStore
from harness.errors import LocalProtocolError
from harness.records import (
    Fate,
    OnlineChanged,
    PageClosed,
    PageEnd,
    PageOpened,
    Path,
    PersonActed,
    RequestRepeated,
    SendSkipped,
    Sink,
    SkipReason,
    VisibilityChanged,
)
from harness.runsettings import ModerationKind, PlannedAct
from harness.seeds import LateStream
from harness.wire.phoenix import Vsn


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the user is and where they sit."""

    user: int
    user_id: str
    webinar: int
    cohort: str
    seed: int
    """The scenario's; the session's own streams derive from it and ``user``."""
    api_key: str
    token: str
    vsn: Vsn = "2.0.0"
    library: Library = CURRENT
    """The realtime-js of the page."""
    throttling: Throttling | None = None
    """How the browser runs the timers of the page while it is hidden."""
    unix_minus_clock_s: float = 0.0
    """What to add to the session's times to get Unix time, in which tokens end."""
    token_look_s: float = LOOK_S
    """From one look of auth-js at the page's token to the next."""
    worker_refused: bool = False
    """The browser starts no Web Worker for the page."""


class Session:
    """The page of one user, from opening to closing."""

    __slots__ = (
        "_composer",
        "_cursor",
        "_effects",
        "_fallback",
        "_history",
        "_identity",
        "_list",
        "_moderation",
        "_online",
        "_open",
        "_policy",
        "_realtime",
        "_screen",
        "_token",
        "_visible",
    )

    def __init__(
        self, identity: Identity, policy: Policy, sink: Sink, tokens: TokenStore | None = None
    ) -> None:
        """``tokens``: where the browser keeps the user's session; ``None``: the identity's token
        outlives the page."""
        self._identity = identity
        self._policy = policy
        self._effects = Effects(user=identity.user, sink=sink, throttling=identity.throttling)
        self._list = MessageList(policy)
        self._cursor = Cursor(policy.cursor, overlap_s=policy.cursor_overlap_s)
        self._composer = Composer(identity.webinar, policy, self._list, self._effects)
        self._screen = Screen(identity.user_id, self._list, self._composer, self._effects)
        self._history = History(policy, self._cursor, self._effects)
        opens_with: str | None = None
        if tokens is not None:
            opens_with = tokens.session.access_token if tokens.session else identity.api_key
        self._realtime = Realtime(
            identity.webinar,
            policy,
            self._effects,
            api_key=identity.api_key,
            token=opens_with or identity.token,
            rng=LateStream(identity.seed, "client", identity.user, "reconnect-jitter"),
            vsn=identity.vsn,
            library=identity.library,
            worker_refused=identity.worker_refused,
        )
        self._token = RealtimeToken(
            self._auth_session(tokens), self._realtime, self._effects, opens_with=opens_with
        )
        self._fallback = Fallback(
            identity.webinar,
            policy,
            self._cursor,
            self._list,
            effects=self._effects,
            rng=LateStream(identity.seed, "client", identity.user, "poll-jitter"),
        )
        self._moderation = Moderation(
            policy,
            self._list,
            self._effects,
            LateStream(identity.seed, "client", identity.user, "moderation"),
        )
        self._open = False
        self._visible = True
        self._online = True

    def _auth_session(self, tokens: TokenStore | None) -> AuthSession | None:
        if tokens is None or not self._policy.renew_token:
            return None
        return AuthSession(
            tokens,
            self._effects,
            anon_key=self._identity.api_key,
            unix_minus_clock_s=self._identity.unix_minus_clock_s,
            look_s=self._identity.token_look_s,
        )

    # -- outputs --------------------------------------------------------------------------

    def drain(self) -> list[Command]:
        """Take what is to be done now, in order; then look at :attr:`next_wake_s`."""
        commands = self._effects.commands
        self._effects.commands = []
        self._effects.sooner = False
        return commands

    @property
    def needs_attention(self) -> bool:
        """Whether to :meth:`drain` now. Most rows only move a timer away: then it can wait."""
        return self._effects.sooner or bool(self._effects.commands)

    @property
    def next_wake_s(self) -> float:
        """Call :meth:`wake` at this time; infinity where nothing is waited for."""
        return self._effects.next_wake_s if self._open else inf

    @property
    def is_open(self) -> bool:
        return self._open

    @property
    def is_live(self) -> bool:
        """Rows flow over Realtime, as far as the page knows."""
        return self._realtime.is_live

    @property
    def is_polling(self) -> bool:
        """The fallback is on."""
        return self._fallback.is_on

    # -- the person and the browser -------------------------------------------------------

    def open_page(self, now_s: float) -> None:
        """The page loads: read the history and subscribe, side by side.

        Raises :class:`LocalProtocolError` where it is open already.
        """
        if self._open:
            raise LocalProtocolError("the page is open already")
        me = self._identity
        self._open = True
        self._effects.sink.event(
            PageOpened(
                t_s=now_s, user=me.user, user_id=me.user_id, room=me.webinar, cohort=me.cohort
            )
        )
        self._token.announce()
        self._history.ask(me.webinar, now_s)
        self._realtime.connect(now_s)
        self._fallback.page_opened(now_s)
        self._token.page_opened(now_s)

    def close_page(self, now_s: float) -> None:
        """The page goes away; what is on its screen is recorded as it stands."""
        if self._open:
            self._realtime.disconnect()
            self._ends("closed", now_s)

    def page_lost(self, end: PageEnd, now_s: float) -> None:
        """The browser takes the page away, and none of its code runs any more: nothing is left
        behind in order (R2). The caller cuts its sockets and requests."""
        if self._open:
            self._ends(end, now_s)

    def _ends(self, end: PageEnd, now_s: float) -> None:
        self._open = False
        self._effects.sink.event(
            PageClosed(
                t_s=now_s,
                user=self._identity.user,
                pending=self._list.bubbles(Bubble.SENDING),
                failed=self._list.bubbles(Bubble.FAILED),
                inversions=self._list.inversions,
                end=end,
            )
        )

    def type_message(
        self, number: int, client_msg_id: str, body: str, planned_s: float, now_s: float
    ) -> None:
        """The person sends a message that the plan has for ``planned_s``."""
        if self._open:
            self._composer.send(number, client_msg_id, body, planned_s, now_s)
        else:
            self.skip_message(number, planned_s, "page_not_open", now_s)

    def send_again(
        self,
        number: int,
        client_msg_id: str,
        body: str,
        *,
        attempt: int,
        planned_s: float,
        now_s: float,
    ) -> None:
        """The person presses "send again" on a bubble that failed; ``planned_s`` stays that of
        the message, ``attempt`` counts from 2. Nothing happens where no such bubble is shown."""
        if self._open:
            again = Attempt(client_msg_id, attempt)
            self._composer.send_again(again, number, body, planned_s, now_s)

    def skip_message(self, number: int, planned_s: float, reason: SkipReason, now_s: float) -> None:
        """A planned message that the person could not send."""
        self._effects.sink.event(
            SendSkipped(
                t_s=now_s,
                user=self._identity.user,
                number=number,
                planned_s=planned_s,
                reason=reason,
            )
        )

    def note_act(self, step: PlannedAct, planned_s: float, now_s: float) -> None:
        """Record a planned act; the inputs that it consists of are called beside this."""
        self._effects.sink.event(
            PersonActed(
                t_s=now_s,
                user=self._identity.user,
                number=step.number,
                planned_s=planned_s,
                act=step.act,
                fault=step.fault,
            )
        )

    def moderate(self, act: ModerationKind, now_s: float) -> None:
        """The person hides or deletes one of the newest messages, where there is one."""
        if self._open:
            self._moderation.act(act, now_s)

    def set_visible(self, visible: bool, now_s: float) -> None:
        """The tab is hidden or shown."""
        self._visible = visible
        user = self._identity.user
        self._effects.sink.event(VisibilityChanged(t_s=now_s, user=user, visible=visible))
        if visible:
            self._effects.shown()
            self._realtime.shown(now_s)
        else:
            self._effects.hidden(now_s)
            self._realtime.hidden()
        self._token.set_visible(visible, now_s)
        self._pause_or_resume(now_s)

    def page_hidden(self, now_s: float) -> None:
        """``pagehide``: another page takes this one's place, and it may come back. What the library
        makes of it is here; that the browser freezes the page is the driver's to do: it keeps
        every further input, and calls no :meth:`wake`, until the page runs again."""
        self._realtime.page_hidden(now_s)

    def page_shown(self, now_s: float) -> None:
        """``pageshow``: the page is back."""
        self._realtime.page_shown(now_s)

    def set_online(self, online: bool, now_s: float) -> None:
        """``navigator.onLine`` changes; open sockets are not touched by it."""
        self._online = online
        user = self._identity.user
        self._effects.sink.event(OnlineChanged(t_s=now_s, user=user, online=online))
        self._pause_or_resume(now_s)

    def _pause_or_resume(self, now_s: float) -> None:
        if not self._policy.pause_unseen:
            return
        if self._visible and self._online:
            self._fallback.resumed(now_s)
        else:
            self._fallback.paused()

    def renew_token(self, token: str, now_s: float) -> None:
        """R1: somebody else renewed the user's token."""
        self._token.renew(token, now_s)

    # -- the network ----------------------------------------------------------------------

    def socket_opened(self, socket: int, now_s: float) -> None:
        self._heard(self._realtime.socket_opened(socket, now_s), now_s)

    def socket_closed(self, socket: int, code: int, reason: str, now_s: float) -> None:
        self._heard(self._realtime.socket_closed(socket, code, reason, now_s), now_s)

    def frame_received(self, socket: int, data: str | bytes, now_s: float) -> None:
        """A text frame. The hot path: most calls carry a row."""
        got = self._realtime.frame_received(socket, data, now_s)
        if got is None:
            self._token.give_if_wanted(now_s)
            return
        if isinstance(got, Signal):
            self._heard(got, now_s)
            return
        if got.type == "INSERT" and got.record is not None:
            self._screen.row_arrived(got.record, Path.REALTIME, now_s)
            self._cursor.pushed(got.record.id, now_s)
        elif self._policy.apply_changes:
            self._screen.row_changed(got, now_s)
        self._fallback.event_arrived(now_s)

    def http_answered(self, request: int, status: int, body: bytes, now_s: float) -> None:
        if self._composer.owns(request):
            row = self._composer.answered(request, status, body, now_s)
            if row is not None:
                self._screen.row_arrived(row, Path.API, now_s)
                self._cursor.acknowledged(row.id, now_s)
        elif self._fallback.owns(request):
            self._poll_answered(body, now_s)
        elif self._moderation.owns(request):
            done = self._moderation.answered(request, body, now_s)
            if done is not None and self._policy.apply_changes:
                self._screen.moderated(*done, now_s)
        elif self._history.owns(request):
            for older in self._history.answered(body, now_s):
                self._screen.row_arrived(older, Path.HISTORY, now_s)
        elif self._token.owns(request):
            self._token.answered(status, body, now_s)

    def http_failed(self, request: int, reason: str, now_s: float) -> None:
        """No answer will come. The reason is for the record."""
        if self._composer.owns(request):
            self._composer.failed(request, reason, now_s)
        elif self._fallback.owns(request):
            self._fallback.failed(now_s)
        elif self._moderation.owns(request):
            self._moderation.failed(request, now_s)
        elif self._history.owns(request):
            self._history.failed(reason, now_s)
        elif self._token.owns(request):
            self._token.failed(reason, now_s)

    def request_repeated(self, request: int, now_s: float) -> None:
        """H7: the browser sends a request again by itself. The page does not hear of it; only the
        record does."""
        self._effects.sink.event(
            RequestRepeated(
                t_s=now_s,
                user=self._identity.user,
                client_msg_id=self._composer.whose(request),
            )
        )

    def wake(self, now_s: float) -> None:
        """Run the timers that are due."""
        while (timer := self._effects.pop_due(now_s)) is not None:
            kind, _, number = timer.partition(":")
            match kind:
                case "send":
                    self._composer.timed_out(int(number), now_s)
                case "moderation":
                    self._moderation.timed_out(int(number), now_s)
                case "poll":
                    self._fallback.tick(now_s)
                case "poll_timeout":
                    self._fallback.timed_out(now_s)
                case "silence":
                    self._fallback.silence(now_s)
                case "mute":
                    self._fallback.mute(now_s)
                case _ if self._token.wake(timer, now_s):
                    pass
                case _:
                    self._heard(self._realtime.wake(timer, now_s), now_s)
                    self._token.give_if_wanted(now_s)

    # -- inside ---------------------------------------------------------------------------

    def _heard(self, signal: Signal | None, now_s: float) -> None:
        match signal:
            case Signal.ATTEMPT_FAILED:
                self._fallback.attempt_failed(now_s)
            case Signal.OPENED:
                self._fallback.socket_opened()
            case Signal.LIVE:
                self._fallback.went_live(now_s)
            case Signal.NOT_LIVE:
                self._fallback.not_live()

    def _poll_answered(self, body: bytes, now_s: float) -> None:
        is_probe = self._fallback.is_probing
        brought = self._fallback.answered(body, now_s)
        fates = [self._screen.row_arrived(row, Path.POLL, now_s) for row in brought.rows]
        if is_probe and any(fate is not Fate.SUPPRESSED for fate in fates):
            self._fallback.probe_brought_news(now_s)
        if brought.reread is not None:
            up_to_id, whole = brought.reread
            self._screen.reread(brought.rows, whole=whole, up_to_id=up_to_id, now_s=now_s)
