"""The app's subscription to its room: a channel of the library, made anew when it ended (R3).

A channel that ended may go on beside its successor: its timers still run, and it joins and leaves
the topic although nobody hears the answers. realtime-js before 2.100 does so whenever a join is
unanswered at the next turn of its timer, later versions where the server closes a channel whose
join it has not answered. Each of these joins takes the topic from the app's own channel.
"""

from __future__ import annotations

from typing import Literal

from harness.client.bindings import room_bindings
from harness.client.channel import Channel
from harness.client.connection import Connection
from harness.client.effects import Effects
from harness.client.library import Library
from harness.client.policy import Policy

RECREATE_MAX_S = 30.0


class Subscription:
    """The channel that the app holds, and those that it held."""

    __slots__ = (
        "_bindings",
        "_connection",
        "_earlier",
        "_effects",
        "_library",
        "_made",
        "_policy",
        "_recreations",
        "_token",
        "_webinar",
        "channel",
    )

    def __init__(
        self,
        webinar: int,
        policy: Policy,
        effects: Effects,
        connection: Connection,
        token: str,
        *,
        library: Library,
    ) -> None:
        self._webinar = webinar
        self._policy = policy
        self._effects = effects
        self._connection = connection
        self._token = token
        self._library = library
        self._bindings = room_bindings(webinar, all_deletes=policy.hear_all_deletes)
        self._made = 0
        self._recreations = 0
        self._earlier: tuple[Channel, ...] = ()
        """Ended, and not at rest."""
        self.channel = self._make()
        """The latest."""

    # -- what the app does ----------------------------------------------------------------

    def subscribe(self, now_s: float) -> None:
        """Ask for the room's rows, with a new channel where the one before ended."""
        if not self.channel.is_listed:
            everyone = (*self._earlier, self.channel)
            self._earlier = tuple(one for one in everyone if one.goes_on)
            self.channel = self._make()
        self.channel.subscribe(now_s)

    def unsubscribe(self, now_s: float) -> None:
        """The app leaves the room and stays on the page."""
        self.channel.unsubscribe("left", now_s)
        self._effects.cancel("recreate")

    def close(self) -> None:
        """R2: unsubscribe and remove, since the page closes."""
        self.channel.close()
        for channel in self._earlier:
            channel.close()
        self._effects.cancel("recreate")

    def set_token(self, token: str, now_s: float) -> None:
        """R1: a renewed token goes to the joined channel and into every later join."""
        self._token = token
        if self.channel.is_listed:
            self.channel.set_token(token, now_s)

    def went_live(self) -> None:
        """``system ok``: the next end is a first one again."""
        self._recreations = 0

    def wake(self, kind: Literal["join", "rejoin", "recreate"], number: str, now_s: float) -> None:
        """A timer is due: that of a channel's join, of its next one, or the app's own (R3)."""
        match kind:
            case "join":
                self._numbered(number).join_timed_out(now_s)
            case "rejoin":
                self._numbered(number).rejoin(now_s)
            case "recreate":
                self._connection.subscribed(now_s)
                self.subscribe(now_s)

    # -- what channels do (see channel.Owner) ---------------------------------------------

    def leave_open_topic(self, now_s: float) -> None:
        """A channel is about to join: the one that has the topic, itself perhaps, must leave it."""
        if self.channel.has_topic:
            self.channel.unsubscribe("left for another join of its topic", now_s)
            self.channel_ended(now_s)

    def channel_ended(self, now_s: float) -> None:
        """The app hears CLOSED, and makes the channel anew (R3)."""
        if self._library.ended_is_left:
            self._connection.left_empty(now_s)
        if not self._policy.recreate_channel:
            return
        wait_s = min(self._policy.recreate_delay_s * 2**self._recreations, RECREATE_MAX_S)
        self._recreations += 1
        self._effects.wake_at("recreate", now_s + wait_s)

    # -- inside ---------------------------------------------------------------------------

    def _numbered(self, number: str) -> Channel:
        return next(one for one in (self.channel, *self._earlier) if str(one.number) == number)

    def _make(self) -> Channel:
        self._made += 1
        return Channel(
            self._webinar,
            self._bindings,
            self._effects,
            self._connection,
            self._token,
            number=self._made,
            owner=self,
            library=self._library,
        )
