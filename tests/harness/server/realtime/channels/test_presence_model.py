"""Broadcast and presence against a model, and against what a page makes of what it is told."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from harness.server.realtime.effects import Effect, Peer, Reaction
from harness.wire.phoenix import Frame, payload
from tests.harness.server.builders import frames, push
from tests.harness.server.realtime.speaking import Client, Rules, binary, typing_push

PEERS = [Peer(1, "1.0.0"), Peer(2, "2.0.0"), Peer(3, "2.0.0")]
TOPICS = ["realtime:a", "realtime:b"]

peers = st.sampled_from(PEERS)
topics = st.sampled_from(TOPICS)
people = st.sampled_from(["ann", "bob"])

View = dict[str, list[dict[str, Any]]]
"""Who is here, as a page keeps it: the metas of each key."""


class Joined:
    """A channel as the model has it."""

    def __init__(self, key: str, private: bool, hears_itself: bool) -> None:
        self.key = key
        self.private = private
        self.hears_itself = hears_itself
        self.said: int | None = None
        self.view: View = {}


class PresenceMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.served = Rules(presence_calls=10**6)
        self.clients = {peer: Client(peer, self.served) for peer in PEERS}
        self.model: dict[tuple[int, str], Joined] = {}
        self.refs = 100

    def take(self, effects: list[Effect] | tuple[Effect, ...]) -> list[tuple[int, list[Any]]]:
        """Let the pages take what they are sent."""
        sent = frames(effects)
        for number, frame in sent:
            channel = self.model.get((number, frame[2]))
            if channel is None:
                continue
            if frame[3] == "presence_state":
                channel.view = {key: list(one["metas"]) for key, one in frame[4].items()}
            elif frame[3] == "presence_diff":
                _apply(channel.view, frame[4])
        return sent

    @rule(peer=peers, topic=topics, key=people, private=st.booleans(), hears=st.booleans())
    def join(self, peer: Peer, topic: str, key: str, private: bool, hears: bool) -> None:
        self.refs += 1
        reaction = self.clients[peer].joins(
            topic,
            ref=str(self.refs),
            private=private,
            broadcast={"self": hears},
            presence={"enabled": True, "key": key},
        )
        self.model.pop((peer.connection, topic), None)
        self.take(reaction.at_once)
        self.model[peer.connection, topic] = Joined(key, private, hears)
        self.take(reaction.effects)

    @rule(peer=peers, topic=topics, said=st.integers(0, 1))
    def track(self, peer: Peer, topic: str, said: int) -> None:
        channel = self.model.get((peer.connection, topic))
        frame = self.frame(topic, {"event": "track", "payload": {"n": said}})
        sent = self.take(self.clients[peer].sends(frame).effects)
        if channel is None:
            return
        changed = channel.said != said
        channel.said = said
        diffs = sorted(number for number, one in sent if one[3] == "presence_diff")
        assert diffs == (self.together(topic, channel) if changed else [])

    @rule(peer=peers, topic=topics)
    def untrack(self, peer: Peer, topic: str) -> None:
        frame = self.frame(topic, {"event": "untrack"})
        self.take(self.clients[peer].sends(frame).effects)
        channel = self.model.get((peer.connection, topic))
        if channel is not None:
            channel.said = None

    @rule(peer=peers, topic=topics)
    def leave(self, peer: Peer, topic: str) -> None:
        self.model.pop((peer.connection, topic), None)
        self.take(
            self.clients[peer].sends(Frame(None, "1", topic, "phx_leave", payload({}))).effects
        )

    @rule(peer=peers)
    def lose(self, peer: Peer) -> None:
        for topic in TOPICS:
            self.model.pop((peer.connection, topic), None)
        self.take(self.served.channels.drop(peer, 1.0))

    @rule(peer=peers, topic=topics, as_bytes=st.booleans())
    def broadcast(self, peer: Peer, topic: str, as_bytes: bool) -> None:
        client = self.clients[peer]
        if as_bytes and peer.vsn == "2.0.0":
            reaction = client.says_bytes(typing_push(topic=topic))
        else:
            content = {"type": "broadcast", "event": "typing", "payload": {}}
            reaction = client.sends(push("broadcast", content, topic=topic))
        sender = self.model.get((peer.connection, topic))
        if sender is None:
            assert frames(reaction.effects)[0][1][3] == "phx_reply"
            return
        expected = self.together(topic, sender)
        if not sender.hears_itself:
            expected.remove(peer.connection)
        assert self.heard(reaction) == expected

    def frame(self, topic: str, content: Any) -> Frame:
        return push("presence", content, topic=topic)

    def heard(self, reaction: Reaction) -> list[int]:
        texts = [number for number, one in frames(reaction.effects) if one[3] == "broadcast"]
        return sorted(texts + [number for number, _ in binary(reaction)])

    def together(self, topic: str, channel: Joined) -> list[int]:
        """The connections on the same topic."""
        return sorted(
            number
            for (number, name), one in self.model.items()
            if name == topic and one.private == channel.private
        )

    @invariant()
    def every_page_sees_who_is_here(self) -> None:
        for (_, topic), channel in self.model.items():
            here: dict[str, list[int]] = {}
            for (_, name), one in self.model.items():
                if name == topic and one.private == channel.private and one.said is not None:
                    here.setdefault(one.key, []).append(one.said)
            seen = {key: [meta["n"] for meta in metas] for key, metas in channel.view.items()}
            assert {key: sorted(one) for key, one in seen.items()} == {
                key: sorted(one) for key, one in here.items()
            }


def _apply(view: View, diff: dict[str, Any]) -> None:
    """As the client library does it: joins first, then leaves by ref."""
    for key, one in diff["joins"].items():
        view.setdefault(key, []).extend(one["metas"])
    for key, one in diff["leaves"].items():
        gone = {meta["phx_ref"] for meta in one["metas"]}
        view[key] = [meta for meta in view.get(key, []) if meta["phx_ref"] not in gone]
        if not view[key]:
            del view[key]


TestPresenceMachine = PresenceMachine.TestCase
TestPresenceMachine.settings = settings(max_examples=60, stateful_step_count=40)
