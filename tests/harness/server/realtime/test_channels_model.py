"""The room logic against a model that forgets everything but who is live where."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from harness.server.knobs import Knobs
from harness.server.realtime.channels import Channels
from harness.server.realtime.effects import Effect, Note, Peer
from harness.server.realtime.joins import parse_join
from harness.server.switches import Switches
from tests.harness.server.builders import change, claims, frames, join_frame, push, room_filter

OK_AFTER_S = 5
PEERS = [Peer(1, "1.0.0"), Peer(2, "2.0.0"), Peer(3, "2.0.0")]

peers = st.sampled_from(PEERS)
topics = st.sampled_from(["realtime:a", "realtime:b"])
room_numbers = st.integers(1, 2)


@dataclass
class Modelled:
    join_ref: str
    rooms: set[int | None]
    live_at_s: int
    expires_at_s: int
    live: bool = False


class RoomMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.rooms = Channels(
            Switches(
                Knobs(
                    system_ok_delay_s=OK_AFTER_S,
                    resubscribe_min_s=OK_AFTER_S,
                    resubscribe_max_s=OK_AFTER_S,
                )
            )
        )
        self.model: dict[tuple[int, str], Modelled] = {}
        self.now_s = 0
        self.refs = 0
        self.logged: dict[tuple[str, str], list[str]] = {}

    def note(self, effects: list[Effect]) -> None:
        for one in effects:
            if isinstance(one, Note):
                key = (one.subscription.topic, one.subscription.join_ref)
                self.logged.setdefault(key, []).append(one.subscription.what)

    @rule(
        peer=peers,
        topic=topics,
        wanted=st.sets(st.none() | room_numbers, min_size=1),
        lifetime_s=st.integers(1, 30),
    )
    def join(self, peer: Peer, topic: str, wanted: set[int | None], lifetime_s: int) -> None:
        self.refs += 1
        ref = str(self.refs)
        everything = {"event": "INSERT", "schema": "public", "table": "messages"}
        filters = [everything if room is None else room_filter(room) for room in wanted]
        frame = join_frame(*filters, topic=topic, ref=ref)
        old = self.model.get((peer.connection, topic))
        expires_s = self.now_s + lifetime_s

        effects = self.rooms.join(
            peer, frame, parse_join(frame.payload), claims(expires_s=expires_s), self.now_s
        )

        expected = [(ref, "phx_reply")] + ([(old.join_ref, "phx_close")] if old else [])
        assert [(one[0], one[3]) for _, one in frames(effects)] == expected
        live_at_s = self.now_s + OK_AFTER_S
        self.model[peer.connection, topic] = Modelled(ref, wanted, live_at_s, expires_s)
        self.note(effects)

    @rule(peer=peers, topic=topics)
    def leave(self, peer: Peer, topic: str) -> None:
        channel = self.model.pop((peer.connection, topic), None)
        frame = push("phx_leave", {}, topic=topic, join=channel.join_ref if channel else "none")

        effects = self.rooms.leave(peer, frame, self.now_s)

        expected = ["phx_reply", "phx_close"] if channel else ["phx_reply"]
        assert [one[3] for _, one in frames(effects)] == expected
        self.note(effects)

    @rule(peer=peers)
    def drop(self, peer: Peer) -> None:
        self.note(self.rooms.drop(peer, self.now_s))
        self.model = {key: one for key, one in self.model.items() if key[0] != peer.connection}

    @rule(peer=peers, topic=topics, lifetime_s=st.integers(1, 30))
    def renew(self, peer: Peer, topic: str, lifetime_s: int) -> None:
        channel = self.model.get((peer.connection, topic))
        if channel is not None:
            channel.expires_at_s = self.now_s + lifetime_s
            renewed = claims(expires_s=channel.expires_at_s, token=f"{self.now_s}")
            assert self.rooms.renew(peer, topic, renewed, self.now_s) == []
            channel.live_at_s = min(channel.live_at_s, self.now_s + OK_AFTER_S)

    @rule(seconds=st.integers(1, 10))
    def wait(self, seconds: int) -> None:
        # One second at a time, as the shell does it: a timer stands at every due moment.
        for _ in range(seconds):
            self.now_s += 1
            self.note(self.rooms.advance(self.now_s))
            for key, channel in list(self.model.items()):
                channel.live = channel.live or channel.live_at_s <= self.now_s
                if channel.expires_at_s <= self.now_s:
                    del self.model[key]

    @rule(room=room_numbers)
    def publish(self, room: int) -> None:
        got = [
            (number, frame[2], len(frame[4]["ids"]))
            for number, frame in frames(self.rooms.publish(change(room=room), "now"))
        ]

        expected = [
            (number, topic, len(channel.rooms & {None, room}))
            for (number, topic), channel in self.model.items()
            if channel.live and channel.rooms & {None, room}
        ]
        assert sorted(got) == sorted(expected)

    @invariant()
    def channels_are_the_joined_ones(self) -> None:
        for peer in PEERS:
            for topic in ("realtime:a", "realtime:b"):
                channel = self.rooms.channel(peer, topic)
                modelled = self.model.get((peer.connection, topic))
                assert (channel and channel.join_ref) == (modelled and modelled.join_ref)
                assert (channel and channel.live) == (modelled and modelled.live)

    @invariant()
    def every_subscription_is_logged_as_one_life(self) -> None:
        alive = {channel.join_ref for channel in self.model.values()}
        for (_, join_ref), whats in self.logged.items():
            begin = ["joined", "live"] if "live" in whats else ["joined"]
            assert whats[: len(begin)] == begin
            ends = whats[len(begin) :]
            assert len(ends) == (0 if join_ref in alive else 1)
            assert set(ends) <= {"left", "closed", "lost"}


TestRoomMachine = RoomMachine.TestCase
TestRoomMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
