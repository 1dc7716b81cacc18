"""What one frame from a client means. Pure: the rules of Realtime above the room logic."""

from __future__ import annotations

from harness.server.auth.tokens import Claims, Refusal, Tokens
from harness.server.realtime.channels import Channels, reply
from harness.server.realtime.effects import Peer, Reaction, Send
from harness.server.realtime.joins import parse_join, parse_token_push
from harness.server.switches import Switches
from harness.wire.phoenix import Frame, FrameError, decode

PREFIX = "realtime:"


class Protocol:
    """Answers the frames of every connection of a process."""

    def __init__(self, channels: Channels, tokens: Tokens, switches: Switches) -> None:
        self._channels = channels
        self._tokens = tokens
        self._switches = switches

    def receive(self, peer: Peer, own: Claims, text: str, now_s: float) -> Reaction:
        """React to one text frame. ``own`` is what the connection's API key says."""
        try:
            frame = decode(text, peer.vsn)
        except FrameError as error:
            return Reaction(dropped=str(error))
        if frame.topic == "phoenix":
            return self._heartbeat(peer, frame)
        match frame.event:
            case "phx_join":
                return self._join(peer, own, frame, now_s)
            case "phx_leave":
                return Reaction(tuple(self._channels.leave(peer, frame, now_s)))
            case _:
                return self._push(peer, frame, now_s)

    def _heartbeat(self, peer: Peer, frame: Frame) -> Reaction:
        if frame.event != "heartbeat":
            return Reaction(dropped=f"event {frame.event!r} of topic phoenix is not served")
        answer = reply(Frame(None, frame.ref, frame.topic, frame.event, frame.payload), "ok", {})
        return Reaction((Send(peer, answer),))

    def _join(self, peer: Peer, own: Claims, frame: Frame, now_s: float) -> Reaction:
        if not frame.topic.startswith(PREFIX):
            return Reaction((_unmatched(peer, frame),))
        if frame.topic == PREFIX:
            reason = "TopicNameRequired: You must provide a topic name"
            return self._refuse(peer, frame, reason, now_s)
        join = parse_join(frame.payload)
        claims = self._tokens.verify(join.access_token or own.token, now_s)
        if isinstance(claims, Refusal):
            return self._refuse(peer, frame, claims.join_reason, now_s)
        return Reaction(tuple(self._channels.join(peer, frame, join, claims, now_s)))

    def _refuse(self, peer: Peer, frame: Frame, reason: str, now_s: float) -> Reaction:
        effects = tuple(self._channels.refuse(peer, frame, reason, now_s))
        return Reaction(effects, stall_s=self._switches.knobs.join_error_backoff_s)

    def _push(self, peer: Peer, frame: Frame, now_s: float) -> Reaction:
        """A frame for a channel that should be joined."""
        channel = self._channels.channel(peer, frame.topic)
        if channel is None:
            return Reaction((_unmatched(peer, frame),))
        if frame.event != "access_token":
            return Reaction(dropped=f"event {frame.event!r} is not served")
        token = parse_token_push(frame.payload)
        if token is None or token == channel.claims.token:
            return Reaction()
        claims = self._tokens.verify(token, now_s)
        if isinstance(claims, Refusal):
            return Reaction(tuple(self._channels.end(channel, claims.message, now_s)))
        return Reaction(tuple(self._channels.renew(peer, frame.topic, claims, now_s)))


def _unmatched(peer: Peer, frame: Frame) -> Send:
    lone = Frame(None, frame.ref, frame.topic, frame.event, frame.payload)
    return Send(peer, reply(lone, "error", {"reason": "unmatched topic"}))
