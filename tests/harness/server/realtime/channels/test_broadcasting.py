"""Broadcasts, as clients see them."""

from __future__ import annotations

import pytest

from harness.server.realtime.effects import Peer
from harness.wire.binary import BinaryPush, encode_from_client
from tests.harness.server.builders import TOPIC, V1, V2, frames, push
from tests.harness.server.realtime.speaking import (
    OTHER,
    Client,
    Rules,
    answers,
    binary,
    both,
    events,
    typing_push,
)

TYPING = {"type": "broadcast", "event": "typing", "payload": {"who": "ann"}}


def test_a_broadcast_reaches_the_others_and_is_not_answered() -> None:
    first, _ = both()

    reaction = first.sends(push("broadcast", TYPING))

    assert frames(reaction.effects) == [(3, [None, None, TOPIC, "broadcast", TYPING])]


def test_a_channel_with_self_hears_itself_before_the_answer_that_ack_asks_for() -> None:
    client = Client()
    client.joins(broadcast={"self": True, "ack": True})

    reaction = client.sends(push("broadcast", TYPING, ref="12"))

    assert answers(reaction) == [
        [None, None, TOPIC, "broadcast", TYPING],
        ["7", "12", TOPIC, "phx_reply", {"status": "ok", "response": {}}],
    ]


def test_a_binary_broadcast_is_binary_for_2_and_json_for_1() -> None:
    rules = Rules()
    sender, new, old = Client(V2, rules), Client(OTHER, rules), Client(V1, rules)
    for client in (sender, new, old):
        client.joins()

    reaction = sender.says_bytes(typing_push())

    ((number, message),) = binary(reaction)
    assert (number, message.event, message.topic) == (3, "typing", TOPIC)
    expected = {"event": "typing", "payload": {}, "type": "broadcast"}
    assert frames(reaction.effects) == [(1, [None, None, TOPIC, "broadcast", expected])]


def test_a_binary_broadcast_is_answered_with_its_ref_if_asked_for() -> None:
    client = Client()
    client.joins(broadcast={"ack": True})

    (answer,) = answers(client.says_bytes(typing_push(ref="31")))

    assert answer == ["7", "31", TOPIC, "phx_reply", {"status": "ok", "response": {}}]


def test_a_broadcast_is_encoded_once_for_all_of_a_serializer() -> None:
    rules = Rules()
    clients = [Client(Peer(number, "2.0.0"), rules) for number in range(2, 50)]
    for client in clients:
        client.joins()

    assert len(clients[0].says_bytes(typing_push()).effects) == 1


@pytest.mark.parametrize("topic", ["realtime:other", "phoenix"])
def test_a_broadcast_to_a_topic_that_is_not_joined_is_unmatched(topic: str) -> None:
    (answer,) = answers(both()[0].says_bytes(typing_push(topic=topic)))

    assert answer[4] == {"status": "error", "response": {"reason": "unmatched topic"}}


def test_a_broadcast_that_is_no_object_crashes_its_channel() -> None:
    first, _ = both()

    (answer,) = answers(first.sends(push("broadcast", [1])))

    assert answer == ["7", "7", TOPIC, "phx_error", {"reason": "channel_crash"}]
    assert first.rooms.channel(V2, TOPIC) is None


def test_a_public_and_a_private_topic_of_one_name_do_not_hear_each_other() -> None:
    rules = Rules()
    public, private = Client(V2, rules), Client(OTHER, rules)
    public.joins()
    private.joins(private=True)

    assert public.sends(push("broadcast", TYPING)).effects == ()
    assert private.sends(push("broadcast", TYPING)).effects == ()


def test_a_broadcast_too_large_for_the_plan_reaches_nobody() -> None:
    first, _ = both(Rules(plan="free"), broadcast={"ack": True})
    large = {**TYPING, "payload": "x" * 260_000}

    (answer,) = answers(first.sends(push("broadcast", large)))

    assert answer[3:] == [
        "phx_reply",
        {"status": "error", "response": "payload_size_exceeded"},
    ]


def test_a_plain_binary_push_goes_on_as_bytes() -> None:
    first, _ = both()
    data = encode_from_client(BinaryPush("7", "8", TOPIC, "broadcast", b"\x01"))

    ((number, message),) = binary(first.says_bytes(data))

    assert (number, message.topic) == (3, TOPIC)


@pytest.mark.parametrize("event", ["presence", "access_token", "phx_leave", "phx_join", "x"])
def test_a_plain_binary_push_of_any_event_raises_nothing(event: str) -> None:
    first, _ = both()

    first.says_bytes(encode_from_client(BinaryPush("7", "8", TOPIC, event, b"\x01")), 1.0)


def test_bytes_under_1_are_read_as_text() -> None:
    client = Client(V1)
    text = b'{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}'

    assert answers(client.says_bytes(text))[0][1] == "1"
    assert client.says_bytes(b"\x03\xff").dropped


def test_messages_over_the_quota_end_the_channels_that_get_the_next_one() -> None:
    first, second = both(Rules(plan="free"))
    for _ in range(500):
        first.sends(push("broadcast", TYPING), 1.0)

    reaction = first.sends(push("broadcast", TYPING), 6.0)

    assert events(reaction) == [(3, "broadcast"), (3, "system"), (3, "phx_close")]
    system = answers(reaction)[1]
    assert system[4]["message"] == "Too many messages per second"
    assert second.rooms.channel(OTHER, TOPIC) is None
    assert first.rooms.channel(V2, TOPIC) is not None


def test_frames_of_another_join_are_taken_and_answered_as_of_the_present_one() -> None:
    client = Client()
    client.joins(broadcast={"ack": True})

    (answer,) = answers(client.sends(push("broadcast", TYPING, join="1")))

    assert answer[0] == "7"


def test_frames_of_another_join_are_dropped_under_strict_join_ref() -> None:
    client = Client(rules=Rules(strict_join_ref=True))
    client.joins(broadcast={"ack": True})

    assert client.sends(push("broadcast", TYPING, join="1")).dropped
    assert client.sends(push("broadcast", TYPING)).effects
