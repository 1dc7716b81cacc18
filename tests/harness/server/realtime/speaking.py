"""A server's rules without sockets, and clients that speak to them."""

from __future__ import annotations

from typing import Any

from harness.server.auth.tokens import Claims
from harness.server.knobs import Knobs
from harness.server.realtime.core import make_core
from harness.server.realtime.effects import Effect, Peer, PublishBinary, Reaction
from harness.server.switches import Switches
from harness.wire.binary import (
    BinaryBroadcast,
    UserBroadcast,
    UserBroadcastPush,
    decode_from_server,
    encode_from_client,
)
from harness.wire.phoenix import Frame, encode
from harness.wire.phoenix import payload as encoded
from tests.harness.server.builders import TOKENS, TOPIC, V2, anon_token, frames, user_token

OTHER = Peer(3, "2.0.0")


class Rules:
    """The pure part of one server."""

    def __init__(self, **knobs: Any) -> None:
        self.switches = Switches(Knobs(**knobs))
        core = make_core(TOKENS, self.switches)
        self.channels, self.protocol = core.channels, core.protocol


class Client:
    """One connection."""

    def __init__(self, peer: Peer = V2, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.rooms = self.rules.channels
        self.peer = peer
        own = TOKENS.verify(anon_token(), 0.0)
        assert isinstance(own, Claims)
        self.own = own

    def says(self, text: str | bytes, now_s: float = 0.0) -> Reaction:
        return self.rules.protocol.receive(self.peer, self.own, text, now_s)

    def says_bytes(self, data: bytes, now_s: float = 0.0) -> Reaction:
        return self.rules.protocol.receive_binary(self.peer, self.own, data, now_s)

    def sends(self, frame: Frame, now_s: float = 0.0) -> Reaction:
        return self.says(encode(frame, self.peer.vsn).decode(), now_s)

    def joins(
        self, topic: str = TOPIC, *, ref: str = "7", now_s: float = 0.0, **config: Any
    ) -> Reaction:
        content = {"config": config, "access_token": user_token()}
        return self.sends(Frame(ref, ref, topic, "phx_join", encoded(content)), now_s)


def both(rules: Rules | None = None, **config: Any) -> tuple[Client, Client]:
    """Clients on ``V2`` and ``OTHER``, joined to one topic."""
    rules = rules or Rules()
    first, second = Client(V2, rules), Client(OTHER, rules)
    first.joins(**config)
    second.joins(**config)
    return first, second


def finished(reaction: Reaction, at_s: float = 0.0) -> list[Effect]:
    """All that a reaction leads to; its stall, if it has one, ends at ``at_s``."""
    late = reaction.then(at_s) if reaction.then is not None else ()
    return [*reaction.at_once, *late, *reaction.effects]


def answers(reaction: Reaction) -> list[list[Any]]:
    return [frame for _, frame in frames(reaction.effects)]


def events(reaction: Reaction) -> list[tuple[int, str]]:
    """To whom, and which event."""
    return [(number, frame[3]) for number, frame in frames(reaction.effects)]


def binary(reaction: Reaction) -> list[tuple[int, UserBroadcast | BinaryBroadcast]]:
    """Whom a binary message goes to, and which."""
    return [
        (number, decode_from_server(one.data))
        for one in reaction.effects
        if isinstance(one, PublishBinary)
        for number in one.connections
    ]


def typing_push(
    *,
    ref: str = "8",
    topic: str = TOPIC,
    join: str = "7",
    is_json: bool = True,
    payload: bytes = b"{}",
) -> bytes:
    """A broadcast as realtime-js sends it."""
    return encode_from_client(
        UserBroadcastPush(
            join_ref=join, ref=ref, topic=topic, event="typing", is_json=is_json, payload=payload
        )
    )
