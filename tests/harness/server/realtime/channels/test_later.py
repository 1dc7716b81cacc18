"""What becomes of channels after a while: renewed, crashed, swept away."""

from __future__ import annotations

from harness.server.knobs import Knobs
from harness.server.realtime.channels.channels import Channels
from harness.server.realtime.effects import Drop
from harness.server.switches import Switches
from tests.harness.server.builders import TOPIC, V2, claims, frames, push, room_filter
from tests.harness.server.realtime.channels.test_channels import KNOBS, join, live_room, whats


def test_a_second_renewal_takes_the_place_of_the_resubscription_that_was_due() -> None:
    rooms = live_room()

    rooms.renew(V2, TOPIC, claims(token="u"), 50.0)
    rooms.renew(V2, TOPIC, claims(token="v"), 51.0)

    assert rooms.advance(52.9) == []
    assert [frame[3] for _, frame in frames(rooms.advance(60.0))] == ["system"]


def test_a_renewal_before_system_ok_does_not_delay_it() -> None:
    rooms = Channels(Switches(KNOBS))
    join(rooms)
    rooms.renew(V2, TOPIC, claims(token="u"), 0.1)

    assert [frame[3] for _, frame in frames(rooms.advance(0.5))] == ["system"]
    assert [frame[3] for _, frame in frames(rooms.advance(2.1))] == ["system"]


def test_a_renewal_tries_bindings_again_that_could_not_be_served() -> None:
    rooms = live_room({**room_filter(), "filter": "undefined"})
    rooms.renew(V2, TOPIC, claims(token="u"), 1.0)

    ((_, system),) = frames(rooms.advance(3.0))
    assert system[4]["status"] == "error"


def test_resubscriptions_are_spread_over_the_knobs_span() -> None:
    rooms = Channels(Switches(Knobs(system_ok_delay_s=0.0)))
    delays = []
    for number in range(200):
        peer = V2._replace(connection=number)
        join(rooms, peer=peer)
        rooms.advance(0.0)
        rooms.renew(peer, TOPIC, claims(token="u"), 0.0)
        delays.append(rooms.next_due_s)
        rooms.drop(peer, 0.0)
        rooms.advance(5.0)

    spread = [delay for delay in delays if delay is not None]
    assert 1.0 <= min(spread) < 1.2
    assert 2.8 < max(spread) <= 3.0


def test_a_crashed_channel_is_told_so_with_the_refs_of_its_join() -> None:
    rooms = live_room()
    channel = rooms.channel(V2, TOPIC)
    assert channel is not None

    effects = rooms.crash(channel, 1.0)

    assert [frame for _, frame in frames(effects)] == [
        ["7", "7", TOPIC, "phx_error", {"reason": "channel_crash"}]
    ]
    assert whats(effects) == ["closed"]
    assert rooms.channel(V2, TOPIC) is None


def test_a_socket_that_left_its_last_channel_is_cut_off_at_the_next_sweep() -> None:
    rooms = live_room(knobs=Knobs(no_channel_sweep_s=600.0))
    join(rooms, topic="realtime:other")
    rooms.leave(V2, push("phx_leave", {}), 601.0)
    rooms.advance(1300.0)
    rooms.leave(V2, push("phx_leave", {}, topic="realtime:other"), 1300.0)

    assert rooms.next_due_s is not None
    assert Drop(V2.connection) not in rooms.advance(1799.0)
    assert Drop(V2.connection) in rooms.advance(1800.0)


def test_a_socket_that_joined_again_is_not_swept() -> None:
    rooms = live_room()
    rooms.leave(V2, push("phx_leave", {}), 1.0)
    join(rooms, now_s=2.0, expires_s=10_000.0)

    assert Drop(V2.connection) not in rooms.advance(700.0)


def test_a_socket_that_is_gone_is_not_swept() -> None:
    rooms = live_room()
    rooms.leave(V2, push("phx_leave", {}), 1.0)
    rooms.drop(V2, 2.0)

    assert rooms.advance(700.0) == []
