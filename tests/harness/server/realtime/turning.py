"""What each knob of Realtime's rules changes, as looks at running rules before and after a turn."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from harness.server.auth.tokens import Claims, Tokens
from harness.server.chat.create_defects import hold_of
from harness.server.defects import Defect
from harness.server.knobs import Knobs
from harness.server.realtime.changes.cadence import Cadence
from harness.server.realtime.core import make_core
from harness.server.realtime.effects import Peer, Reaction
from harness.server.switches import Switches
from harness.server.walltime import WallTime
from harness.wire.phoenix import Frame, encode, payload
from tests.harness.server.builders import (
    SECRET,
    TOPIC,
    UNIX_START_S,
    anon_token,
    change,
    frames,
    room_filter,
    user_token,
)
from tests.harness.server.realtime.speaking import answers


class World:
    """Realtime's rules in virtual time; each look is a new connection's."""

    def __init__(self, knobs: dict[str, Any], defects: tuple[Defect, ...]) -> None:
        self.switches = Switches(Knobs(**knobs), frozenset(defects))
        self.tokens = Tokens(SECRET, WallTime(UNIX_START_S), switches=self.switches)
        self.core = make_core(self.tokens, self.switches)
        self.rooms = self.core.channels
        self.cadence = Cadence(self.switches, Random(1))
        self.now_s = 0.0
        self._numbers = itertools.count(1)
        self.peer = Peer(0, "2.0.0")

    def comes(self) -> None:
        self.rooms.drop(self.peer, self.now_s)
        self.peer = Peer(next(self._numbers), "2.0.0")

    def says(self, event: str, content: Any, *, topic: str = TOPIC, join: str = "7") -> Reaction:
        own = self.tokens.verify(anon_token(), 0.0)
        assert isinstance(own, Claims)
        frame = encode(Frame(join, "7", topic, event, payload(content)), "2.0.0").decode()
        return self.core.protocol.receive(self.peer, own, frame, self.now_s)

    def joins(self, topic: str = TOPIC, **config: Any) -> Reaction:
        self.comes()
        content = {"config": config, "access_token": user_token(begins_s=int(self.now_s))}
        return self.says("phx_join", content, topic=topic)

    def lives(self) -> None:
        self.joins(postgres_changes=[room_filter(event="*")])
        self.rooms.advance(self.due_s())

    def due_s(self) -> float:
        assert self.rooms.next_due_s is not None
        return self.rooms.next_due_s

    def wait_s(self) -> float:
        return round(self.due_s() - self.now_s, 3)


def system_ok(world: World) -> float:
    world.joins(postgres_changes=[room_filter()])
    return world.wait_s()


def system_ok_after_silence(world: World) -> float:
    world.lives()
    world.comes()
    world.now_s += 700.0
    return system_ok(world)


def resubscription(world: World) -> float:
    world.lives()
    world.now_s += 1.0
    world.says("access_token", {"access_token": user_token(begins_s=2 + int(world.now_s))})
    return world.wait_s()


def stall(world: World) -> float:
    return world.joins().stall_s


def stall_of_a_refusal(world: World) -> float:
    return world.joins("realtime:").stall_s


def join_status(world: World) -> str:
    return str(answers(world.joins())[0][4]["status"])


def tracks(world: World) -> int:
    """How many of three, ten seconds apart, are answered."""
    world.joins(presence={"key": "ann"})
    taken = 0
    for number in range(3):
        reaction = world.says("presence", {"event": "track", "payload": {"n": number}})
        taken += [frame[4].get("status") for frame in answers(reaction)].count("ok")
        world.now_s += 10.0
    return taken


def foreign_refs_are_answered(world: World) -> bool:
    world.joins(broadcast={"ack": True})
    content = {"type": "broadcast", "event": "typing", "payload": {}}
    return answers(world.says("broadcast", content, join="99")) != []


def confirmation(world: World) -> float:
    world.joins()
    return world.wait_s()


def sweep(world: World) -> float:
    world.joins()
    world.says("phx_leave", {})
    return world.wait_s()


def heard_after_three_seconds(world: World) -> int:
    world.lives()
    world.lives()
    return len(world.rooms.publish(change(committed_s=world.now_s + 3.0), "t"))


def heard_deletes_of_a_room(world: World) -> int:
    world.lives()
    return len(world.rooms.publish(change("DELETE"), "t"))


def too_large(world: World) -> bool:
    world.lives()
    ((_, frame),) = frames(world.rooms.publish(change(), "t"))
    return bool(frame[4]["data"]["errors"])


def readers_of_a_change(world: World) -> int:
    world.lives()
    publish = partial(world.rooms.publish, change(), "t")
    return len(frames(world.core.quotas.publish_change(publish, world.now_s)))


def connections(world: World) -> float:
    return world.core.quotas.plan.connections


def handshake(world: World) -> str:
    return type(world.core.gate.admit({"apikey": anon_token()}, {}, 0.0)).__name__


def verdict(world: World) -> str:
    return type(world.tokens.verify(user_token(), 0.0)).__name__


def idle_read(world: World) -> float:
    """From a read of interest to the next."""
    one = world.cadence
    read(one, 1)
    read_s = world.now_s = one_due(one)
    one.read(read_s)
    one.done(interested=True, now_s=read_s)
    read(one, 1, read_s)
    wait_s = round(one_due(one) - read_s, 3)
    one.read(one_due(one))
    one.done(interested=True, now_s=read_s + wait_s)
    return wait_s


def one_due(cadence: Cadence) -> float:
    assert cadence.due_s is not None
    return cadence.due_s


def read(cadence: Cadence, count: int, now_s: float = 1.0) -> None:
    cadence.committed(tuple(change(row_id=one) for one in range(count)), now_s)


def read_at_once(world: World) -> int:
    read(world.cadence, 5)
    counts = []
    while (due_s := world.cadence.due_s) is not None:
        counts.append(len(world.cadence.read(due_s)))
        world.cadence.done(interested=True, now_s=due_s)
    return counts[0]


def hold(world: World) -> float:
    return hold_of(frozenset({Defect.SLOW_COMMIT}), world.switches.knobs)


@dataclass(frozen=True)
class Case:
    look: Callable[[Any], Any]
    before: Any
    value: Any
    after: Any
    knobs: dict[str, Any] = field(default_factory=dict)
    """What holds from the start."""
    defects: tuple[Defect, ...] = ()


RULES = {
    "system_ok_delay_s": Case(system_ok, 0.05, 3.0, 3.0),
    "late_system_ok_s": Case(system_ok, 15.05, 1.0, 1.05, {}, (Defect.LATE_SYSTEM_OK,)),
    "cold_start_s": Case(system_ok_after_silence, 0.05, 2.0, 2.05),
    "cdc_stop_after_s": Case(system_ok_after_silence, 2.05, 1e4, 0.05, {"cold_start_s": 2.0}),
    "resubscribe_min_s": Case(lambda world: resubscription(world) == 3.0, False, 3.0, True),
    "resubscribe_max_s": Case(lambda world: resubscription(world) == 1.0, False, 1.0, True),
    "join_error_backoff_s": Case(stall_of_a_refusal, 5.0, 0.5, 0.5),
    "join_delay_s": Case(stall, 0.0, 2.0, 2.0),
    "join_refusal": Case(join_status, "ok", "RealtimeRestarting: …", "error"),
    "private_only": Case(join_status, "ok", True, "error"),
    "max_channels": Case(join_status, "ok", 0, "error"),
    "presence_calls": Case(tracks, 3, 1, 1),
    "presence_window_s": Case(tracks, 1, 5.0, 3, {"presence_calls": 1}),
    "strict_join_ref": Case(foreign_refs_are_answered, True, True, False),
    "confirm_token_s": Case(confirmation, 300.0, 2.0, 2.0),
    "no_channel_sweep_s": Case(sweep, 600.0, 5.0, 5.0),
    "lost_on_reconnect_s": Case(
        heard_after_three_seconds, 0, 1.0, 1, {}, (Defect.EVENT_LOST_ON_RECONNECT,)
    ),
    "replica_identity_full": Case(heard_deletes_of_a_room, 0, True, 1),
    "max_change_bytes": Case(too_large, False, 10, True),
    "plan": Case(connections, float("inf"), "free", 200),
    "changes_used_up": Case(readers_of_a_change, 1, True, 0),
    "handshake_status": Case(handshake, "Admission", 429, "Denial"),
    "handshake_hang": Case(handshake, "Admission", True, "Hang"),
    "clock_skew_s": Case(verdict, "Claims", 7200.0, "Refusal"),
    "poll_interval_s": Case(idle_read, 0.5, 0.2, 1.0),
    "poll_idle_multiplier": Case(idle_read, 0.5, 1, 0.1),
    "poll_max_changes": Case(read_at_once, 5, 2, 2),
    "slow_commit_s": Case(hold, 1.0, 2.0, 2.0),
}
