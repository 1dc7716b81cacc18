from __future__ import annotations

from harness.server.defects import Defect
from harness.server.knobs import Knobs
from harness.server.realtime.changes.reconnects import Reconnects
from harness.server.realtime.effects import Effect, Publish
from harness.server.switches import Switches
from harness.wire.phoenix import Frame, payload

FRAME = Frame(None, None, "realtime:a", "postgres_changes", payload({}))
EVENT: list[Effect] = [Publish("2.0.0", FRAME, (1, 2))]


def reconnects(*defects: Defect) -> Reconnects:
    return Reconnects(Switches(Knobs(lost_on_reconnect_s=5.0), frozenset(defects)))


def test_who_comes_back_misses_what_is_committed_in_the_next_seconds() -> None:
    one = reconnects(Defect.EVENT_LOST_ON_RECONNECT)
    one.live(9, "realtime:a", "ann", 0.0)
    one.live(2, "realtime:a", "ann", 10.0)
    one.live(1, "realtime:a", "bob", 10.0)

    assert one.heard(EVENT, 14.9) == [Publish("2.0.0", FRAME, (1,))]
    assert one.heard(EVENT, 15.0) == EVENT


def test_an_event_that_nobody_else_hears_is_none() -> None:
    one = reconnects(Defect.EVENT_LOST_ON_RECONNECT)
    one.live(1, "realtime:a", "ann", 0.0)
    for connection in (1, 2):
        one.live(connection, "realtime:a", "ann", 1.0)

    assert one.heard(EVENT, 2.0) == []


def test_another_topic_and_a_server_without_the_defect_lose_nothing() -> None:
    one = reconnects(Defect.EVENT_LOST_ON_RECONNECT)
    one.live(9, "realtime:b", "ann", 0.0)
    one.live(2, "realtime:a", "ann", 1.0)
    assert one.heard(EVENT, 2.0) == EVENT

    sound = reconnects()
    sound.live(9, "realtime:a", "ann", 0.0)
    sound.live(2, "realtime:a", "ann", 1.0)
    assert sound.heard(EVENT, 2.0) == EVENT
