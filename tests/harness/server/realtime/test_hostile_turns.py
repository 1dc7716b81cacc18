"""Whatever value a knob may be turned to, the rooms go on: no exception, no work without end."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from harness.errors import UsageError
from harness.server.defects import Defect, Defects
from harness.server.knob_values import allowed
from harness.server.knobs import Knobs
from harness.server.realtime.changes.asked import parse_join
from harness.server.realtime.channels.channels import Channels
from harness.server.realtime.effects import Note
from harness.server.switches import Switches, Turn, parse_turn
from harness.wire.phoenix import Frame, encode, payload
from tests.harness.server.builders import TOPIC, V2, change, claims, room_filter, user_token
from tests.harness.server.realtime.channels.test_channels import join
from tests.harness.server.realtime.speaking import Client, Rules, finished

NUMBERS = [
    name
    for name in Knobs.__struct_fields__
    if allowed(name).startswith(("a number", "a whole number"))
]
VALUES = [0, -1, 0.01, 1, 31_536_000, 1_000_000_000, 1e-300, 1e300, 10**30]
MOST_STEPS = 500


def turned(switches: Switches, name: str, value: Any) -> bool:
    """Whether a turn, as it comes to the admin port, was taken."""
    try:
        switches.turn(parse_turn(json.dumps({"knobs": {name: value}}).encode()))
    except UsageError:
        return False
    return True


def everything(rules: Rules) -> list[str]:
    """Join, listen, speak, renew, leave, be gone; what became of the subscription."""
    client = Client(V2, rules)
    effects = finished(client.joins(postgres_changes=[room_filter()], broadcast={"ack": True}))
    rules.channels.turned(0.0)
    effects += until_quiet(rules.channels, 10.0)
    effects += rules.channels.publish(change(), "2026-11-23T10:00:00Z")
    for event, content in (
        ("broadcast", {"event": "typing", "payload": {}}),
        ("presence", {"event": "track", "payload": {"name": "ann"}}),
        ("access_token", {"access_token": user_token(begins_s=5)}),
    ):
        frame = Frame("7", "8", TOPIC, event, payload(content))
        effects += client.says(encode(frame, "2.0.0").decode(), 10.0).effects
    effects += until_quiet(rules.channels, 20.0)
    leave = Frame("7", "9", TOPIC, "phx_leave", payload({}))
    effects += client.says(encode(leave, "2.0.0").decode(), 20.0).effects
    effects += until_quiet(rules.channels, 40.0)
    effects += rules.channels.drop(V2, 40.0)
    assert rules.channels.next_due_s is None
    return [one.subscription.what for one in effects if isinstance(one, Note)]


def until_quiet(rooms: Channels, until_s: float) -> list[Any]:
    """All that is due by then, each at its time, as the shell's timer would."""
    effects: list[Any] = []
    for _ in range(MOST_STEPS):
        due_s = rooms.next_due_s
        if due_s is None or due_s > until_s:
            return effects
        effects += rooms.advance(due_s)
    # A period of 10 ms has this many rounds; a server that catches up does them in one.
    effects += rooms.advance(until_s)
    assert rooms.next_due_s is None or rooms.next_due_s > until_s
    return effects


@pytest.mark.parametrize("name", NUMBERS)
def test_the_rooms_live_with_every_value_that_a_knob_takes(name: str) -> None:
    taken = 0
    for value in VALUES:
        rules = Rules()
        if turned(rules.switches, name, value):
            taken += 1
            whats = everything(rules)
            if name != "max_channels":
                assert whats[0] == "joined"
                assert whats[-1] in ("left", "closed")

    assert 1 <= taken < len(VALUES)


def test_a_check_is_never_due_again_at_the_moment_at_which_it_was_done() -> None:
    rooms = Channels(Switches(Knobs(confirm_token_s=0.0)))  # no turn can do that
    join(rooms, now_s=5.0)

    for _ in range(10):
        now_s = rooms.next_due_s
        assert now_s is not None
        rooms.advance(now_s)
        assert rooms.next_due_s is not None
        assert rooms.next_due_s > now_s


def visits(rooms: Channels, first: int, last: int) -> None:
    """Each of a new user on a connection of its own: a join, a renewal, a leave."""
    for number in range(first, last):
        peer = V2._replace(connection=number)
        now_s = number / 100
        join(rooms, room_filter(), peer=peer, now_s=now_s, expires_s=1e6)
        rooms.advance(now_s + 0.05)
        person = claims(user_id=str(number), expires_s=1e6)
        rooms.renew(peer, TOPIC, person, now_s + 0.05)
        if number % 2:
            rooms.drop(peer, now_s + 0.05)
        else:
            rooms.join(
                peer,
                Frame("9", "9", TOPIC, "phx_join", payload({})),
                parse_join({}),
                person,
                now_s + 0.05,
            )
            rooms.leave(peer, Frame("9", "10", TOPIC, "phx_leave", payload({})), now_s + 0.05)
            rooms.drop(peer, now_s + 0.05)


@pytest.mark.parametrize("defects", [Defects(), Defects({Defect.MUTE})])
def test_ten_thousand_visits_leave_nothing_behind(defects: Defects) -> None:
    rooms = Channels(Switches(Knobs(), defects))
    visits(rooms, 1, 100)
    early_bytes = len(pickle.dumps(rooms))
    visits(rooms, 100, 10_100)

    assert len(pickle.dumps(rooms)) < early_bytes + 10_000


def test_a_hundred_thousand_renewals_of_one_channel_leave_nothing_behind() -> None:
    rooms = Channels(Switches(Knobs()))
    everywhere = {"event": "*", "schema": "public", "table": "messages"}  # a filter has no pickle
    join(rooms, everywhere, expires_s=1e6)
    rooms.advance(1.0)
    early_bytes = len(pickle.dumps(rooms))

    for number in range(100_000):
        rooms.renew(V2, TOPIC, claims(expires_s=1e6), 1.0 + number / 1e5)

    assert len(pickle.dumps(rooms)) < early_bytes + 20_000


def test_a_turn_moves_the_checks_that_were_planned() -> None:
    switches = Switches(Knobs())
    rooms = Channels(switches)
    join(rooms, expires_s=1e6)
    rooms.advance(1.0)
    assert rooms.next_due_s == 300.0
    switches.turn(Turn({"confirm_token_s": 2.0}))
    rooms.turned(10.0)
    assert rooms.next_due_s == 12.0

    rooms.leave(V2, Frame("7", "9", TOPIC, "phx_leave", payload({})), 12.0)
    assert rooms.next_due_s == 600.0
    switches.turn(Turn({"no_channel_sweep_s": 5.0}))
    rooms.turned(13.0)
    assert rooms.next_due_s == 15.0


def test_no_number_of_a_turn_is_infinite_after_all() -> None:
    with pytest.raises(UsageError, match="switches"):
        parse_turn(b'{"knobs": {"idle_timeout_s": 1e999}}')
    with pytest.raises(UsageError, match="switches"):
        parse_turn(b'{"knobs": {"idle_timeout_s": NaN}}')
