"""The channels of all connections: joined, live, ended. Pure: no socket, clock or SQL.

A channel is one topic on one connection. It is *joined* at the join's reply and *live* at
``system ok``, a little later; a row that is dispatched from that moment on reaches it, an
earlier one never does (H8).

Every method returns effects in the order in which they are to be done. Times are
host-monotonic seconds; what is due later is found by :attr:`Channels.next_due_s` and done by
:meth:`Channels.advance`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

from harness.server.auth.tokens import Claims, expired
from harness.server.defects import Defect
from harness.server.realtime import answers
from harness.server.realtime.changes.asked import Join, mismatched
from harness.server.realtime.changes.audiences import Audience, Audiences
from harness.server.realtime.changes.cold_start import ChangeStream
from harness.server.realtime.changes.frames import Rendering
from harness.server.realtime.changes.reconnects import Reconnects
from harness.server.realtime.channels.channel import Channel, closing, noted, told
from harness.server.realtime.channels.channel_config import ChannelConfig
from harness.server.realtime.channels.due import DueTimes
from harness.server.realtime.channels.presence_calls import Window
from harness.server.realtime.channels.sweep import Sweep
from harness.server.realtime.distrust import distrusted
from harness.server.realtime.effects import Effect, Peer, Send
from harness.server.realtime.filters.syntax import Condition
from harness.server.realtime.topics.topics import TopicName, Topics
from harness.server.storage.model import Change
from harness.server.switches import Switches
from harness.wire.phoenix import Frame

SUBSCRIBED = "Subscribed to PostgreSQL"
REPLICATING = "Replication connection established"
_DEFAULTS = ChannelConfig()


class Channels:
    """All channels of a server process. ``rng``: its chance; the same every time if not given."""

    def __init__(self, switches: Switches, rng: Random | None = None) -> None:
        self._switches = switches
        self._rng = rng or Random(0)
        self._channels: dict[tuple[int, str], Channel] = {}
        self._of_connection: dict[int, dict[str, None]] = {}
        self._audiences = Audiences()
        self._stream = ChangeStream(switches)
        self._reconnects = Reconnects(switches)
        self._due = DueTimes()
        self._sweep = Sweep()
        self._joins = 0
        self.topics = Topics(self._rng)
        """Who is on a topic together: broadcasts and presence."""

    @property
    def next_due_s(self) -> float | None:
        """When :meth:`advance` has something to do; ``None`` if never."""
        moments = (self._due.next_s, self._sweep.next_s)
        return min((moment for moment in moments if moment is not None), default=None)

    def channel(self, peer: Peer, topic: str) -> Channel | None:
        """The channel of a topic on a connection, if it is joined."""
        return self._channels.get((peer.connection, topic))

    def on_topic(self, name: TopicName, connections: tuple[int, ...]) -> list[Channel]:
        """The channels of a topic on these connections."""
        found = (self._channels.get((number, name.topic)) for number in connections)
        return [one for one in found if one is not None and one.name == name]

    def all(self) -> list[Channel]:
        """Every channel, oldest first."""
        return list(self._channels.values())

    def count_beside(self, peer: Peer, topic: str) -> int:
        """How many other channels a connection has than that of ``topic``."""
        topics = self._of_connection.get(peer.connection, {})
        return len(topics) - (topic in topics)

    def conditions_beside(self, peer: Peer, topic: str) -> list[Condition]:
        """The filter conditions of a connection's other channels than that of ``topic``."""
        topics = self._of_connection.get(peer.connection, {})
        return [
            predicate.condition
            for other in topics
            if other != topic
            for binding in self._channels[peer.connection, other].bindings
            for predicate in binding.filter.predicates
        ]

    def make_way(self, peer: Peer, topic: str, now_s: float) -> tuple[list[Effect], list[Effect]]:
        """End the channel that a join of its topic is about to replace: what is noticed at once,
        and its close, which follows the reply to the join."""
        old = self.channel(peer, topic)
        if old is None:
            return [], []
        return [noted(old, "closed", now_s), *self._remove(old, now_s)], [closing(old)]

    def join(
        self,
        peer: Peer,
        frame: Frame,
        join: Join,
        claims: Claims,
        now_s: float,
        *,
        config: ChannelConfig = _DEFAULTS,
        after_reply: Sequence[Effect] = (),
    ) -> list[Effect]:
        """Join a topic. A channel that is already there ends; its close follows the reply.

        ``after_reply``: the close of one that has made way earlier.
        """
        replaced, close = self.make_way(peer, frame.topic, now_s)
        self._joins += 1
        channel = Channel(
            peer=peer,
            topic=frame.topic,
            join_ref=frame.join_ref,
            number=self._joins,
            claims=claims,
            judged_by=claims.access,
            config=config,
            presence_key=config.presence_key or self._uuid(),
            bindings=join.bindings,
            problem=join.problem,
            live_s=self._system_ok_s(now_s) if join.echo else now_s,
        )
        self._channels[channel.key] = channel
        self._of_connection.setdefault(peer.connection, {})[frame.topic] = None
        self._sweep.in_use(peer.connection)
        self.topics.enter(channel.name, peer, presence=config.presence)
        if join.echo:
            self._due.plan(channel.live_s, channel.number, channel.key, "subscribed")
        self._plan_confirmation(channel, now_s)
        wrong = self._switches.has(Defect.BINDING_MISMATCH)
        echo = mismatched(join.echo) if wrong else join.echo
        reply = Send(peer, answers.reply(frame, "ok", {"postgres_changes": echo}))
        joined = noted(channel, "joined", now_s)
        effects = [*replaced, reply, *after_reply, *close, joined]
        if config.awaits_replication:
            effects.append(told(channel, extension="system", status="ok", message=REPLICATING))
        return effects

    def refuse(self, peer: Peer, frame: Frame, reason: str, now_s: float) -> list[Effect]:
        """Refuse a join. A channel of the topic that is already there ends all the same."""
        replaced, close = self.make_way(peer, frame.topic, now_s)
        reply = answers.reply(frame, "error", {"reason": reason})
        return [*replaced, Send(peer, reply), *close]

    def leave(self, peer: Peer, frame: Frame, now_s: float) -> list[Effect]:
        """Leave a topic; also one that is not joined is left with success.

        A leave that names an earlier join of the topic neither touches the present one nor is
        answered: the close of that join is already on its way.
        """
        channel = self.channel(peer, frame.topic)
        if channel is None:
            return [Send(peer, answers.reply(frame, "ok", {}))]
        if frame.join_ref not in (None, channel.join_ref):
            return []
        reply = answers.channel_reply(channel.topic, channel.join_ref, frame.ref, "ok", {})
        others = self._remove(channel, now_s)
        return [Send(peer, reply), closing(channel), noted(channel, "left", now_s), *others]

    def renew(self, peer: Peer, topic: str, claims: Claims, now_s: float) -> list[Effect]:
        """Take over a new valid token: no answer, but a new ``system ok`` after a while.

        Until then rows are still judged by the claims of the old one. It comes after the first
        one in any case: a renewal makes nobody live earlier.
        """
        channel = self._replace(self._channels[peer.connection, topic], claims=claims)
        self._plan_confirmation(channel, now_s)
        if channel.bindings or channel.problem is not None:
            knobs = self._switches.knobs
            delay_s = self._rng.uniform(knobs.resubscribe_min_s, knobs.resubscribe_max_s)
            at_s = max(now_s + delay_s, channel.live_s)
            self._due.plan(at_s, channel.number, channel.key, "resubscribed")
        return []

    def count_presence_calls(self, channel: Channel, window: Window) -> None:
        """Remember how often a channel sent presence messages."""
        self._replace(channel, presence_calls=window)

    def end(self, channel: Channel, message: str, now_s: float) -> list[Effect]:
        """End a channel from the server's side: a ``system`` error, then ``phx_close``."""
        others = self._remove(channel, now_s)
        error = told(channel, extension="system", status="error", message=message)
        return [error, closing(channel), noted(channel, "closed", now_s), *others]

    def close(self, channel: Channel, now_s: float) -> list[Effect]:
        """End a channel with ``phx_close`` alone."""
        others = self._remove(channel, now_s)
        return [closing(channel), noted(channel, "closed", now_s), *others]

    def crash(self, channel: Channel, now_s: float) -> list[Effect]:
        """End a channel as if its process had crashed: ``phx_error``."""
        others = self._remove(channel, now_s)
        error = Send(channel.peer, answers.crash(channel.topic, channel.join_ref))
        return [error, noted(channel, "closed", now_s), *others]

    def drop(self, peer: Peer, now_s: float) -> list[Effect]:
        """Forget a connection whose socket is gone."""
        effects: list[Effect] = []
        for topic in tuple(self._of_connection.get(peer.connection, ())):
            channel = self._channels[peer.connection, topic]
            effects += [*self._remove(channel, now_s), noted(channel, "lost", now_s)]
        self._sweep.in_use(peer.connection)
        return effects

    def advance(self, now_s: float) -> list[Effect]:
        """Do what is due by now: channels become live, tokens expire, idle sockets are swept."""
        effects: list[Effect] = []
        while (due := self._due.take(now_s)) is not None:
            channel = self._channels[due.key]
            if due.what == "confirm":
                effects += self._confirm(channel, now_s)
                continue
            if due.what == "resubscribed":
                channel = self._replace(channel, judged_by=channel.claims.access)
            effects += self._subscribed(channel, now_s)
        return [*effects, *self._sweep.sweep(now_s)]

    def turned(self, now_s: float) -> None:
        """The switches were turned: what was planned by the old ones is planned by the new."""
        knobs = self._switches.knobs
        self._due.hasten("confirm", now_s + knobs.confirm_token_s)
        self._sweep.plan(now_s, knobs.no_channel_sweep_s)
        self._reconnects.turned()

    def publish(self, change: Change, commit_timestamp: str) -> list[Effect]:
        """Send a committed change to all live channels that may see it and asked for it."""
        if self._switches.has(Defect.MUTE):
            return []
        rendering = Rendering.of(self._switches)
        effects = self._audiences.publish(change, commit_timestamp, rendering)
        return self._reconnects.heard(effects, change.commit.committed_s)

    def farewell(self) -> list[Effect]:
        """What every channel is told before the server closes its sockets with 1012."""
        message = "Server requested disconnect"
        return [
            Send(channel.peer, answers.announcement(channel.topic, message))
            for channel in self._channels.values()
        ]

    def _subscribed(self, channel: Channel, now_s: float) -> list[Effect]:
        if channel.problem is not None:
            return [
                told(channel, extension="postgres_changes", status="error", message=channel.problem)
            ]
        ok = told(channel, extension="postgres_changes", status="ok", message=SUBSCRIBED)
        was = channel.audience
        audience = Audience(channel.peer.vsn, channel.topic, channel.bindings, channel.judged_by)
        if audience != was:
            if was is not None:
                self._audiences.remove(was, channel.peer)
            self._audiences.add(audience, channel.peer)
            channel = self._replace(channel, audience=audience)
            self._stream.used(now_s, by_anybody=True)
        if was is None:
            user_id = channel.claims.user_id
            self._reconnects.live(channel.peer.connection, channel.topic, user_id, now_s)
        return [ok] if was is not None else [ok, noted(channel, "live", now_s)]

    def _confirm(self, channel: Channel, now_s: float) -> list[Effect]:
        """Look whether the token still holds, and when to look again."""
        over_s = now_s - channel.claims.expires_s
        if over_s >= 0 or distrusted(channel.claims, self._switches):
            return self.end(channel, expired(max(0.0, over_s)).message, now_s)
        self._plan_confirmation(channel, now_s)
        return []

    def _plan_confirmation(self, channel: Channel, now_s: float) -> None:
        at_s = min(now_s + self._switches.knobs.confirm_token_s, channel.claims.expires_s)
        # Never at once, whatever the knob: whoever confirms until nothing is due would not end.
        at_s = max(at_s, math.nextafter(now_s, math.inf))
        self._due.plan(at_s, channel.number, channel.key, "confirm")

    def _system_ok_s(self, joined_s: float) -> float:
        """When a channel that joins becomes live."""
        knobs = self._switches.knobs
        late_s = knobs.late_system_ok_s if self._switches.has(Defect.LATE_SYSTEM_OK) else 0.0
        return self._stream.wanted(joined_s) + knobs.system_ok_delay_s + late_s

    def _replace(self, channel: Channel, **changed: Any) -> Channel:
        new = replace(channel, **changed)
        self._channels[channel.key] = new
        return new

    def _remove(self, channel: Channel, now_s: float) -> list[Effect]:
        """Take a channel out of everything; returns what others on its topic are told.

        What could fail comes first: a channel is gone whole, or there as before.
        """
        connection = channel.peer.connection
        others = self.topics.leave(channel.name, connection)
        del self._channels[channel.key]
        self._due.forget(channel.number)
        topics = self._of_connection[connection]
        del topics[channel.topic]
        if not topics:
            del self._of_connection[connection]
            self._sweep.unused(connection, now_s, self._switches.knobs.no_channel_sweep_s)
        if channel.audience is not None:
            self._audiences.remove(channel.audience, channel.peer)
            self._stream.used(now_s, by_anybody=bool(self._audiences))
            self._reconnects.ended(connection, channel.topic, channel.claims.user_id)
        return others

    def _uuid(self) -> str:
        return str(UUID(int=self._rng.getrandbits(128), version=4))
