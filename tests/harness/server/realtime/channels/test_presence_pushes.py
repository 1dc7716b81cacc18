"""Who is here, as clients see it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.server.realtime.effects import Peer, Reaction
from harness.wire.phoenix import Frame
from tests.harness.server.builders import TOPIC, V2, frames, push
from tests.harness.server.realtime.speaking import OTHER, Client, Rules, answers, both, events

PRESENCE = {"enabled": True, "key": "ann"}


def track(said: Any, *, event: str = "track", ref: str = "8") -> Frame:
    return push("presence", {"type": "presence", "event": event, "payload": said}, ref=ref)


def test_a_join_with_presence_is_told_who_is_here_after_its_reply() -> None:
    first, _ = both(presence=PRESENCE)
    first.sends(track({"a": 1}))
    third = Client(Peer(4, "2.0.0"), first.rules)

    reply, state = answers(third.joins(presence=PRESENCE))

    assert reply[3] == "phx_reply"
    assert state[:4] == ["7", None, TOPIC, "presence_state"]
    (meta,) = state[4]["ann"]["metas"]
    assert meta["a"] == 1
    assert len(meta["phx_ref"]) == 16


def test_a_join_without_presence_is_not_told_who_is_here() -> None:
    assert [one[3] for one in answers(Client().joins())] == ["phx_reply"]


def test_tracking_is_answered_and_everybody_hears_of_it() -> None:
    first, _ = both(presence=PRESENCE)

    reaction = first.sends(track({"a": 1}, event="TRACK", ref="9"))

    assert events(reaction) == [(2, "phx_reply"), (2, "presence_diff"), (3, "presence_diff")]
    reply, diff, _ = answers(reaction)
    assert reply[:2] == ["7", "9"]
    assert diff[:2] == [None, None]
    assert diff[4]["leaves"] == {}


def test_tracking_the_same_again_changes_nothing() -> None:
    first, _ = both(presence=PRESENCE)
    first.sends(track({"a": 1}))

    assert events(first.sends(track({"a": 1}))) == [(2, "phx_reply")]


def test_untracking_is_heard_and_tracking_the_same_afterwards_is_too() -> None:
    first, _ = both(presence=PRESENCE)
    first.sends(track({"a": 1}))

    diff = answers(first.sends(track(None, event="untrack")))[1]
    assert list(diff[4]["leaves"]) == ["ann"]
    assert len(events(first.sends(track({"a": 1})))) == 3


@pytest.mark.parametrize("how", ["leave", "drop", "end", "rejoin", "refused"])
def test_whoever_ends_is_heard_to_leave(how: str) -> None:
    first, _ = both(presence=PRESENCE)
    first.sends(track({"a": 1}))
    channel = first.rooms.channel(V2, TOPIC)
    assert channel is not None

    def ended() -> Reaction:
        match how:
            case "leave":
                return first.sends(push("phx_leave", {}))
            case "drop":
                return Reaction(tuple(first.rooms.drop(V2, 1.0)))
            case "end":
                return Reaction(tuple(first.rooms.end(channel, "x", 1.0)))
            case "rejoin":
                return first.joins(ref="9")
            case _:
                return first.sends(Frame("9", "9", TOPIC, "phx_join", push("x", 1).payload))

    reaction = ended()
    noticed = frames((*reaction.at_once, *reaction.effects))

    (diff,) = [frame for number, frame in noticed if number == 3]
    assert diff[3] == "presence_diff"
    assert list(diff[4]["leaves"]) == ["ann"]


def test_who_has_no_key_gets_one() -> None:
    first, _ = both(presence={"enabled": True, "key": ""})

    (key,) = answers(first.sends(track({})))[1][4]["joins"]

    assert len(key) == 36


def test_a_track_without_presence_enables_it() -> None:
    rules = Rules()
    first, second = Client(V2, rules), Client(OTHER, rules)
    first.joins(private=True)
    second.joins(private=True)

    assert events(first.sends(track({"a": 1}))) == [(2, "phx_reply"), (2, "presence_diff")]
    assert (2, "presence_diff") in events(second.sends(track({"b": 1})))


def test_a_track_that_is_no_object_is_refused() -> None:
    (answer,) = answers(both()[0].sends(track("here")))

    assert answer[4] == {
        "status": "error",
        "response": {"reason": "Presence track payload must be a map"},
    }


def test_an_unknown_presence_event_is_answered_with_an_error() -> None:
    (answer,) = answers(both()[0].sends(track({}, event="shout")))

    assert answer[4] == {"status": "error", "response": {}}


@pytest.mark.parametrize("content", [None, [], {"payload": {}}])
def test_a_presence_push_without_event_is_answered_ok(content: Any) -> None:
    (answer,) = answers(both()[0].sends(push("presence", content)))

    assert answer[4]["status"] == "ok"


def test_a_presence_event_that_is_no_text_crashes_the_channel() -> None:
    (answer,) = answers(both()[0].sends(push("presence", {"event": 5})))

    assert answer[3] == "phx_error"


def test_the_sixth_presence_call_in_30_s_ends_the_channel() -> None:
    first, _ = both()
    for number in range(5):
        assert events(first.sends(track({"n": number}), float(number)))[0] == (2, "phx_reply")

    reaction = first.sends(track({"n": 6}), 30.0)

    system, close = (frame for number, frame in frames(reaction.effects) if number == 2)
    assert system[4]["message"] == "Client presence rate limit exceeded"
    assert close[3] == "phx_close"


def test_presence_calls_count_anew_after_their_window() -> None:
    first, _ = both()
    for number in range(12):
        reaction = first.sends(track({"n": number}), number * 7.0)
        assert events(reaction)[0] == (2, "phx_reply")


def test_presence_over_the_quota_ends_the_channel_that_sends_the_next() -> None:
    first, _ = both(Rules(plan="free", presence_calls=1000))
    for number in range(200):
        first.sends(track({"n": number}), 1.0)

    reaction = first.sends(track({"n": -1}), 6.0)

    assert answers(reaction)[0][4]["message"] == "Too many presence messages per second"


def test_a_track_too_large_for_the_plan_ends_the_channel() -> None:
    first, _ = both(Rules(plan="free"))

    reaction = first.sends(track({"text": "x" * 260_000}))

    assert answers(reaction)[0][4]["message"] == "Track message size exceeded"
