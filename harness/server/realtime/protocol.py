"""What one frame from a client means. Pure: the rules of Realtime above the room logic."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from harness.server.auth.tokens import Claims, Tokens
from harness.server.realtime import answers
from harness.server.realtime.changes.asked import parse_join
from harness.server.realtime.channels.channel import Channel
from harness.server.realtime.channels.channel_config import (
    is_object,
    join_token,
    parse_config,
    parse_object,
    pushed_token,
)
from harness.server.realtime.channels.channels import Channels
from harness.server.realtime.channels.join_rules import (
    MAX_REF_CHARS,
    NO_OBJECT,
    TOO_MANY_JOINS,
    JoinRefusal,
    JoinRules,
    unfitting,
    unserved,
)
from harness.server.realtime.channels.pushes import Pushes
from harness.server.realtime.effects import Close, Effect, Peer, Reaction, Send
from harness.server.realtime.quotas import Quotas
from harness.server.realtime.topics.broadcast import Broadcast, PlainBytes, Relayed, UserEvent
from harness.server.switches import Switches
from harness.wire.binary import UserBroadcastPush, decode_from_client
from harness.wire.phoenix import Frame, FrameError, decode
from harness.wire.unreadable import MAX_DEPTH, too_deep

_NOTHING = msgspec.Raw(b"null")
_TOO_DEEP = f"the payload is nested over {MAX_DEPTH} deep"
_REF_TOO_LONG = f"ref or join_ref is longer than {MAX_REF_CHARS} characters"


class Protocol:
    """Answers the frames of every connection of a process."""

    def __init__(
        self,
        channels: Channels,
        tokens: Tokens,
        switches: Switches,
        quotas: Quotas,
        pushes: Pushes,
    ) -> None:
        self._channels = channels
        self._rules = JoinRules(channels, tokens, switches, quotas)
        self._switches = switches
        self._quotas = quotas
        self._pushes = pushes

    def receive(self, peer: Peer, own: Claims, text: str | bytes, now_s: float) -> Reaction:
        """React to one text message. ``own`` is what the connection's API key says."""
        try:
            # The payload goes on to others unread: it must be sound text even where it is raw.
            frame = decode(text if isinstance(text, str) else text.decode(), peer.vsn)
        except (FrameError, UnicodeDecodeError) as error:
            return Reaction(dropped=str(error))
        if max(len(frame.ref or ""), len(frame.join_ref or "")) > MAX_REF_CHARS:
            return Reaction(dropped=_REF_TOO_LONG)
        # What is deeper may be read and yet fail to be written, here or for somebody else.
        if too_deep(bytes(frame.payload)):
            return Reaction(dropped=_TOO_DEEP)
        return self._frame(peer, own, frame, now_s)

    def receive_binary(self, peer: Peer, own: Claims, data: bytes, now_s: float) -> Reaction:
        """React to one binary message; under 1.0.0 it is read like a text."""
        if peer.vsn == "1.0.0":
            return self.receive(peer, own, data, now_s)
        try:
            push = decode_from_client(data)
        except FrameError as error:
            return Reaction(dropped=str(error))
        if isinstance(push, UserBroadcastPush):
            if push.is_json and too_deep(push.payload):
                return Reaction(dropped=_TOO_DEEP)
            event = UserEvent(push.event, push.is_json, push.payload)
            frame = Frame(push.join_ref, push.ref, push.topic, "broadcast", _NOTHING)
            return self._push(peer, frame, event, len(push.payload), now_s)
        frame = Frame(push.join_ref, push.ref, push.topic, push.event, _NOTHING)
        if push.event == "broadcast":
            return self._push(peer, frame, PlainBytes(push.data), len(push.data), now_s)
        return self._frame(peer, own, frame, now_s)

    def _frame(self, peer: Peer, own: Claims, frame: Frame, now_s: float) -> Reaction:
        if frame.topic == "phoenix" and frame.event == "heartbeat":
            return Reaction((Send(peer, answers.lone_reply(frame, "ok", {})),))
        match frame.event:
            case "phx_join":
                return self._join(peer, own, frame, now_s)
            case "phx_leave":
                return Reaction(tuple(self._channels.leave(peer, frame, now_s)))
            case _:
                relayed = Relayed(frame.payload)
                return self._push(peer, frame, relayed, len(frame.payload), now_s)

    def _join(self, peer: Peer, own: Claims, frame: Frame, now_s: float) -> Reaction:
        if unserved(frame.topic):
            return Reaction((_unmatched(peer, frame),))
        content = parse_object(frame.payload)
        if content is None:
            return self._refuse(peer, frame, NO_OBJECT, now_s)
        config = parse_config(content)
        unfit = unfitting(frame.topic, config) or self._rules.limit(
            peer, frame.topic, now_s, private=config.private
        )
        if unfit:
            return self._refuse(peer, frame, unfit, now_s)
        token = join_token(content)
        claims = self._rules.claims(
            own.token if token is None else token, frame.topic, now_s, private=config.private
        )
        if isinstance(claims, JoinRefusal):
            return self._refuse(peer, frame, claims.reason, now_s)
        join = parse_join(content, self._channels.conditions_beside(peer, frame.topic))

        def enter(at_s: float, after_reply: Sequence[Effect] = ()) -> tuple[Effect, ...]:
            joined = self._channels.join(
                peer, frame, join, claims, at_s, config=config, after_reply=after_reply
            )
            self._quotas.count_connection(peer.connection)
            return (*joined, *self._pushes.joined(peer, frame.topic, at_s))

        delay_s = self._switches.knobs.join_delay_s
        if not delay_s:
            return Reaction(enter(now_s))
        noticed, close = self._channels.make_way(peer, frame.topic, now_s)
        then = partial(enter, after_reply=close)
        return Reaction(at_once=tuple(noticed), stall_s=delay_s, then=then)

    def _refuse(self, peer: Peer, frame: Frame, reason: str, now_s: float) -> Reaction:
        effects = self._channels.refuse(peer, frame, reason, now_s)
        also = (Close(peer.connection, 1001),) if reason == TOO_MANY_JOINS else ()
        return Reaction(
            effects=(*(one for one in effects if isinstance(one, Send)), *also),
            at_once=tuple(one for one in effects if not isinstance(one, Send)),
            stall_s=self._switches.knobs.join_error_backoff_s,
        )

    def _push(
        self, peer: Peer, frame: Frame, broadcast: Broadcast, payload_bytes: int, now_s: float
    ) -> Reaction:
        """A frame for a channel that should be joined. ``broadcast``: what it is if it is one."""
        channel = self._channels.channel(peer, frame.topic)
        if channel is None:
            return Reaction((_unmatched(peer, frame),))
        if self._switches.knobs.strict_join_ref and frame.join_ref != channel.join_ref:
            return Reaction(dropped=f"join_ref {frame.join_ref!r} is not that of the present join")
        match frame.event:
            case "access_token":
                effects = self._renew(channel, frame, now_s)
            case "broadcast" if isinstance(broadcast, Relayed) and not is_object(frame.payload):
                effects = self._channels.crash(channel, now_s)
            case "broadcast":
                effects = self._pushes.broadcast(
                    channel, frame.ref, broadcast, payload_bytes, now_s
                )
            case "presence":
                effects = self._pushes.presence(channel, frame, now_s)
            case event:
                self._quotas.messages.add(1, now_s)
                return Reaction(dropped=f"event {event!r} is not served")
        return Reaction(tuple(effects))

    def _renew(self, channel: Channel, frame: Frame, now_s: float) -> list[Effect]:
        """A channel gets another token."""
        token = pushed_token(parse_object(frame.payload) or {})
        if token is None or token == channel.claims.token:
            return []
        private = channel.config.private
        claims = self._rules.claims(token, channel.topic, now_s, private=private)
        if isinstance(claims, JoinRefusal):
            return self._channels.end(channel, claims.message, now_s)
        return self._channels.renew(channel.peer, channel.topic, claims, now_s)


def _unmatched(peer: Peer, frame: Frame) -> Send:
    return Send(peer, answers.lone_reply(frame, "error", {"reason": "unmatched topic"}))
