"""The room logic against a model that knows who is live where, as whom, and listens to what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from harness.server.access import Access
from harness.server.knobs import Knobs
from harness.server.realtime.changes.asked import parse_join
from harness.server.realtime.channels.channels import Channels
from harness.server.realtime.effects import Effect, Note, Peer
from harness.server.storage.model import Op
from harness.server.switches import Switches, Turn
from harness.wire.changes import MessageRow
from tests.harness.server.builders import MEMBER, asked, change, claims, frames, join_frame, push

OK_AFTER_S = 5
PEERS = [Peer(1, "1.0.0"), Peer(2, "2.0.0"), Peer(3, "2.0.0")]

peers = st.sampled_from(PEERS)
topics = st.sampled_from(["realtime:a", "realtime:b"])
room_numbers = st.integers(1, 2)
accesses = st.sampled_from(
    [
        MEMBER,
        Access("authenticated", (("1", "attendee"),)),
        Access("authenticated"),
        Access("anon"),
        Access("service_role"),
    ]
)


class Wish(NamedTuple):
    """What one binding asks for; ``None`` asks for nothing in particular."""

    event: str
    room: int | None
    least_id: int | None
    hidden: bool | None

    def asked(self) -> dict[str, Any]:
        conditions = {"webinar_id=eq": self.room, "id=gte": self.least_id, "hidden=is": self.hidden}
        text = ",".join(
            f"{name}.{str(value).lower()}"
            for name, value in conditions.items()
            if value is not None
        )
        return {"event": self.event, "schema": "public", "table": "messages", "filter": text}

    def hears(self, op: str, row: MessageRow, *, only_key: bool) -> bool:
        if only_key and not (self.room is None and self.hidden is None):
            return False
        return (
            self.event in ("*", op)
            and self.room in (None, row.webinar_id)
            and (self.least_id is None or row.id >= self.least_id)
            and self.hidden in (None, row.hidden)
        )


wishes = st.builds(
    Wish,
    st.sampled_from(["*", "INSERT", "UPDATE", "DELETE"]),
    st.none() | room_numbers,
    st.none() | st.integers(1, 3),
    st.none() | st.booleans(),
)


@dataclass
class Modelled:
    join_ref: str
    wishes: set[Wish]
    subscribes_at_s: tuple[int, ...]
    """After the join, and after the last renewal of the token."""
    expires_at_s: int
    access: Access
    judged_as: Access | None = None
    """By the claims of the last subscription; ``None`` until it is live."""

    @property
    def live(self) -> bool:
        return self.judged_as is not None

    def may_hear(self, op: str, room: int) -> bool:
        if self.judged_as is None or op == "DELETE":
            return self.live
        rooms = [webinar for webinar, _ in self.judged_as.memberships]
        return self.judged_as.database_role == "service_role" or bool({"*", str(room)} & set(rooms))


class RoomMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.switches = Switches(
            Knobs(
                system_ok_delay_s=OK_AFTER_S,
                resubscribe_min_s=OK_AFTER_S,
                resubscribe_max_s=OK_AFTER_S,
            )
        )
        self.rooms = Channels(self.switches)
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
        wanted=st.sets(wishes, min_size=1, max_size=4),
        lifetime_s=st.integers(1, 30),
        access=accesses,
    )
    def join(
        self, peer: Peer, topic: str, wanted: set[Wish], lifetime_s: int, access: Access
    ) -> None:
        self.refs += 1
        ref = str(self.refs)
        filters = [one.asked() for one in wanted]
        frame = join_frame(*filters, topic=topic, ref=ref)
        old = self.model.get((peer.connection, topic))
        expires_s = self.now_s + lifetime_s

        token = claims(expires_s=expires_s, access=access)
        effects = self.rooms.join(peer, frame, parse_join(asked(frame)), token, self.now_s)

        expected = [(ref, "phx_reply")] + ([(old.join_ref, "phx_close")] if old else [])
        assert [(one[0], one[3]) for _, one in frames(effects)] == expected
        live_at_s = (self.now_s + OK_AFTER_S,)
        self.model[peer.connection, topic] = Modelled(ref, wanted, live_at_s, expires_s, access)
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

    @rule(peer=peers, topic=topics, lifetime_s=st.integers(1, 30), access=accesses)
    def renew(self, peer: Peer, topic: str, lifetime_s: int, access: Access) -> None:
        channel = self.model.get((peer.connection, topic))
        if channel is not None:
            channel.expires_at_s = self.now_s + lifetime_s
            renewed = claims(expires_s=channel.expires_at_s, token=f"{self.now_s}", access=access)
            assert self.rooms.renew(peer, topic, renewed, self.now_s) == []
            channel.access = access
            channel.subscribes_at_s = (channel.subscribes_at_s[0], self.now_s + OK_AFTER_S)

    @rule(seconds=st.integers(1, 10))
    def wait(self, seconds: int) -> None:
        # One second at a time, as the shell does it: a timer stands at every due moment.
        for _ in range(seconds):
            self.now_s += 1
            self.note(self.rooms.advance(self.now_s))
            for key, channel in list(self.model.items()):
                if self.now_s in channel.subscribes_at_s:
                    channel.judged_as = channel.access
                if channel.expires_at_s <= self.now_s:
                    del self.model[key]

    @rule(whole=st.booleans())
    def turn_replica_identity(self, whole: bool) -> None:
        self.switches.turn(Turn({"replica_identity_full": whole}))

    @rule(
        op=st.sampled_from(["INSERT", "UPDATE", "DELETE"]),
        row_id=st.integers(1, 3),
        room=room_numbers,
    )
    def publish(self, op: Op, row_id: int, room: int) -> None:
        committed = change(op, row_id, room)
        judged = committed.old if op == "DELETE" else committed.row
        assert judged is not None
        only_key = op == "DELETE" and not self.switches.knobs.replica_identity_full

        got = [
            (number, frame[2], len(frame[4]["ids"]))
            for number, frame in frames(self.rooms.publish(committed, "now"))
        ]

        expected = []
        for (number, topic), channel in self.model.items():
            heard = [one for one in channel.wishes if one.hears(op, judged, only_key=only_key)]
            if heard and channel.may_hear(op, room):
                expected.append((number, topic, len(heard)))
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
TestRoomMachine.settings = settings(max_examples=60, stateful_step_count=40)
