from __future__ import annotations

import pickle

from harness.server.defects import Defect
from harness.server.knobs import Knobs
from harness.server.realtime.changes.reconnects import Reconnects
from harness.server.realtime.effects import Effect, Publish
from harness.server.switches import Switches, Turn
from harness.wire.phoenix import Frame, payload

FRAME = Frame(None, None, "realtime:a", "postgres_changes", payload({}))
EVENT: list[Effect] = [Publish("2.0.0", FRAME, (1, 2))]


def reconnects(*defects: Defect) -> Reconnects:
    return Reconnects(Switches(Knobs(lost_on_reconnect_s=5.0), frozenset(defects)))


def gone_and_back(one: Reconnects, *, topic: str = "realtime:a", user_id: str = "ann") -> None:
    """Live on connection 9, which is lost; then, at 10 s, on connection 2."""
    one.live(9, topic, user_id, 0.0)
    one.ended(9, topic, user_id)
    one.live(2, "realtime:a", user_id, 10.0)


def test_who_comes_back_misses_what_is_committed_in_the_next_seconds() -> None:
    one = reconnects(Defect.EVENT_LOST_ON_RECONNECT)
    gone_and_back(one)
    one.live(1, "realtime:a", "bob", 10.0)

    assert one.heard(EVENT, 14.9) == [Publish("2.0.0", FRAME, (1,))]
    assert one.heard(EVENT, 15.0) == EVENT


def test_an_event_that_nobody_else_hears_is_none() -> None:
    one = reconnects(Defect.EVENT_LOST_ON_RECONNECT)
    for _ in range(2):
        one.live(9, "realtime:a", "ann", 0.0)
    for _ in range(2):
        one.ended(9, "realtime:a", "ann")
    for connection in (1, 2):
        one.live(connection, "realtime:a", "ann", 1.0)

    assert one.heard(EVENT, 2.0) == []


def test_a_second_tab_beside_a_first_one_that_stays_loses_nothing() -> None:
    one = reconnects(Defect.EVENT_LOST_ON_RECONNECT)
    one.live(1, "realtime:a", "ann", 0.0)
    one.live(2, "realtime:a", "ann", 1.0)
    assert one.heard(EVENT, 2.0) == EVENT


def test_a_second_tab_after_the_return_of_the_first_loses_nothing() -> None:
    one = reconnects(Defect.EVENT_LOST_ON_RECONNECT)
    gone_and_back(one)
    one.live(1, "realtime:a", "ann", 11.0)

    assert one.heard(EVENT, 12.0) == [Publish("2.0.0", FRAME, (1,))]


def test_sockets_without_a_user_come_back_on_their_own_connection_alone() -> None:
    one = reconnects(Defect.EVENT_LOST_ON_RECONNECT)
    gone_and_back(one, user_id="")
    assert one.heard(EVENT, 10.1) == EVENT

    one.ended(2, "realtime:a", "")
    one.live(2, "realtime:a", "", 11.0)
    assert one.heard(EVENT, 12.0) == [Publish("2.0.0", FRAME, (1,))]


def test_another_topic_and_a_server_without_the_defect_lose_nothing() -> None:
    one = reconnects(Defect.EVENT_LOST_ON_RECONNECT)
    gone_and_back(one, topic="realtime:b")
    assert one.heard(EVENT, 10.1) == EVENT

    sound = reconnects()
    gone_and_back(sound)
    assert sound.heard(EVENT, 10.1) == EVENT


def test_who_is_live_when_the_defect_is_planted_can_come_back() -> None:
    switches = Switches(Knobs(lost_on_reconnect_s=5.0))
    one = Reconnects(switches)
    one.live(9, "realtime:a", "ann", 0.0)
    switches.turn(Turn(defects=["event-lost-on-reconnect"]))
    one.turned()
    one.ended(9, "realtime:a", "ann")
    one.live(2, "realtime:a", "ann", 1.0)

    assert one.heard(EVENT, 2.0) == [Publish("2.0.0", FRAME, (1,))]


def test_nobody_stays_deaf_when_the_defect_is_taken_away() -> None:
    switches = Switches(Knobs(), frozenset({Defect.EVENT_LOST_ON_RECONNECT}))
    one = Reconnects(switches)
    gone_and_back(one)
    switches.turn(Turn(defects=[]))
    one.turned()

    assert one.heard(EVENT, 10.1) == EVENT


def test_it_remembers_no_more_than_it_may_and_nothing_without_the_defect() -> None:
    sound = reconnects()
    planted = Reconnects(Switches(Knobs(), frozenset({Defect.EVENT_LOST_ON_RECONNECT})), most=10)
    empty_bytes = len(pickle.dumps(sound))
    for number in range(10_000):
        for one in (sound, planted):
            one.live(number, "realtime:a", str(number), 0.0)
            for _ in range(2):
                one.ended(number, "realtime:a", str(number))
            one.live(number, "realtime:a", str(number), 0.0)

    assert len(pickle.dumps(sound)) == empty_bytes
    assert len(pickle.dumps(planted)) < 2000
