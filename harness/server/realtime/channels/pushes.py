"""What a channel's members say to each other: broadcasts, and who is here. Pure.

Messages count against the project's quota when they are sent and again at each receiver; what
that leads to, and to whom, is decided here.
"""

from __future__ import annotations

from typing import Any

from harness.server.realtime import answers
from harness.server.realtime.channels.channel import Channel
from harness.server.realtime.channels.channel_config import parse_object
from harness.server.realtime.channels.channels import Channels
from harness.server.realtime.channels.presence_calls import take
from harness.server.realtime.effects import Effect, Peer, Publish, PublishBinary, Send
from harness.server.realtime.quotas import Quotas, deliveries
from harness.server.realtime.topics.broadcast import Broadcast
from harness.server.realtime.topics.topics import TopicName
from harness.server.switches import Switches
from harness.wire.phoenix import Frame, payload


class Pushes:
    """Broadcast and presence of all channels."""

    def __init__(self, channels: Channels, quotas: Quotas, switches: Switches) -> None:
        self._channels = channels
        self._quotas = quotas
        self._switches = switches

    def broadcast(
        self,
        channel: Channel,
        ref: str | None,
        broadcast: Broadcast,
        payload_bytes: int,
        now_s: float,
    ) -> list[Effect]:
        """A channel broadcasts. It is answered only if its join asked for that (``ack``)."""
        if not self._quotas.plan.fits(payload_bytes):
            self._quotas.messages.add(1, now_s)
            return self._ack(channel, ref, "error", "payload_size_exceeded")
        but = None if channel.config.hears_itself else channel.peer.connection
        sent, ended = self._spread(channel.name, broadcast, now_s, but=but)
        return [*sent, *self._ack(channel, ref, "ok", {}), *ended]

    def broadcast_from_outside(
        self, name: TopicName, broadcast: Broadcast, now_s: float
    ) -> list[Effect]:
        """Broadcast what came over HTTP."""
        sent, ended = self._spread(name, broadcast, now_s)
        return [*sent, *ended]

    def joined(self, peer: Peer, topic: str, now_s: float) -> list[Effect]:
        """Tell a new channel who is here, if its join asked for that."""
        channel = self._channels.channel(peer, topic)
        if channel is None or not channel.config.presence:
            return []
        if not self._quotas.take_presence(now_s):
            return self._channels.end(channel, _TOO_MANY_PRESENCE, now_s)
        state = self._channels.topics.state(channel.name)
        frame = Frame(channel.join_ref, None, channel.topic, "presence_state", state)
        return [Send(channel.peer, frame)]

    def presence(self, channel: Channel, frame: Frame, now_s: float) -> list[Effect]:
        """A channel sends ``track`` or ``untrack``."""
        content = parse_object(frame.payload)
        if content is None or "event" not in content:
            return [_answer(channel, frame.ref, "ok", {})]
        event = content["event"]
        if not isinstance(event, str):
            return self._channels.crash(channel, now_s)
        knobs = self._switches.knobs
        window = take(
            channel.presence_calls,
            now_s,
            calls=knobs.presence_calls,
            window_s=knobs.presence_window_s,
        )
        if window is None:
            return self._channels.end(channel, "Client presence rate limit exceeded", now_s)
        self._channels.count_presence_calls(channel, window)
        match event.lower():
            case "track":
                return self._track(channel, frame.ref, content.get("payload", {}), now_s)
            case "untrack":
                told = self._channels.topics.untrack(channel.name, channel.peer.connection)
                return [_answer(channel, frame.ref, "ok", {}), *self._counted(told, now_s)]
            case _:
                return [_answer(channel, frame.ref, "error", {})]

    def _track(self, channel: Channel, ref: str | None, said: Any, now_s: float) -> list[Effect]:
        if not isinstance(said, dict):
            reason = {"reason": "Presence track payload must be a map"}
            return [_answer(channel, ref, "error", reason)]
        topics, name = self._channels.topics, channel.name
        answer = _answer(channel, ref, "ok", {})
        if topics.said(name, channel.peer.connection) == said:
            return [answer]
        if not self._quotas.plan.fits(len(payload(said))):
            return self._channels.end(channel, "Track message size exceeded", now_s)
        if not self._quotas.take_presence(now_s):
            return self._channels.end(channel, _TOO_MANY_PRESENCE, now_s)
        told = topics.track(name, channel.peer, channel.presence_key, said)
        return [answer, *self._counted(told, now_s)]

    def _counted(self, told: list[Effect], now_s: float) -> list[Effect]:
        self._quotas.presence.add(deliveries(told), now_s)
        return told

    def _ack(
        self, channel: Channel, ref: str | None, status: answers.Status, response: Any
    ) -> list[Effect]:
        return [_answer(channel, ref, status, response)] if channel.config.ack else []

    def _spread(
        self, name: TopicName, broadcast: Broadcast, now_s: float, *, but: int | None = None
    ) -> tuple[list[Effect], list[Effect]]:
        """Send to a topic, and end whom that is too much for: every receiver."""
        sent = self._channels.topics.broadcast(name, broadcast, but=but)
        self._quotas.messages.add(1 + deliveries(sent), now_s)
        if not self._quotas.too_many_messages(now_s):
            return sent, []
        ended: list[Effect] = []
        for one in sent:
            receivers = one.connections if isinstance(one, Publish | PublishBinary) else ()
            for channel in self._channels.on_topic(name, receivers):
                ended += self._channels.end(channel, "Too many messages per second", now_s)
        return sent, ended


_TOO_MANY_PRESENCE = "Too many presence messages per second"


def _answer(channel: Channel, ref: str | None, status: answers.Status, response: Any) -> Send:
    frame = answers.channel_reply(channel.topic, channel.join_ref, ref, status, response)
    return Send(channel.peer, frame)
