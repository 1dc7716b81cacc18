from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.server.realtime.effects import Publish, Reaction, Send
from harness.wire.phoenix import Frame, encode
from tests.harness.server.builders import (
    TOPIC,
    V1,
    V2,
    change,
    join_frame,
    push,
    room_filter,
    user_token,
)
from tests.harness.server.realtime.speaking import Client, answers, both, typing_push


def test_a_heartbeat_is_answered_with_its_ref_and_no_join_ref() -> None:
    reaction = Client().says('[null,"31","phoenix","heartbeat",{}]')

    assert answers(reaction) == [
        [None, "31", "phoenix", "phx_reply", {"status": "ok", "response": {}}]
    ]


def test_a_heartbeat_without_ref_is_answered_without_ref() -> None:
    text = '{"topic":"phoenix","event":"heartbeat","payload":{},"ref":null}'

    assert answers(Client(V1).says(text))[0][1] is None


def test_a_join_holds_under_the_token_it_brings() -> None:
    client = Client()

    reaction = client.sends(join_frame(room_filter(), token=user_token()))

    assert answers(reaction)[0][4]["status"] == "ok"
    channel = client.rooms.channel(V2, TOPIC)
    assert channel is not None
    assert channel.claims.access.database_role == "authenticated"


@pytest.mark.parametrize("token", [None, "sb_publishable_123"])
def test_a_join_without_user_token_holds_under_the_api_key(token: str | None) -> None:
    client = Client()
    client.sends(join_frame(room_filter(), token=token))

    channel = client.rooms.channel(V2, TOPIC)
    assert channel is not None
    assert channel.claims.access.database_role == "anon"


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (user_token(lifetime_s=63), "InvalidJWTToken: Token has expired 37 seconds ago"),
        ("nonsense", "MalformedJWT: The token provided is not a valid JWT"),
        (user_token() + "x", "JwtSignatureError: Failed to validate JWT signature"),
    ],
)
def test_a_join_with_a_bad_token_is_refused_after_a_stall(token: str, reason: str) -> None:
    client = Client()

    reaction = client.sends(join_frame(room_filter(), token=token), now_s=100.0)

    assert reaction.stall_s == 5.0
    assert answers(reaction) == [
        ["7", "7", TOPIC, "phx_reply", {"status": "error", "response": {"reason": reason}}]
    ]
    assert client.rooms.channel(V2, TOPIC) is None


def test_a_topic_needs_a_name() -> None:
    reaction = Client().sends(join_frame(topic="realtime:"))

    reason = "TopicNameRequired: You must provide a topic name"
    assert answers(reaction)[0][4]["response"] == {"reason": reason}


@pytest.mark.parametrize(
    "frame", [join_frame(topic="room:1"), push("access_token", {}), push("broadcast", {})]
)
def test_a_frame_for_no_channel_is_answered_unmatched_topic(frame: Frame) -> None:
    (answer,) = answers(Client().sends(frame))

    assert answer[0] is None
    assert answer[1] == frame.ref
    assert answer[4] == {"status": "error", "response": {"reason": "unmatched topic"}}


def test_a_pushed_token_is_taken_over_without_an_answer() -> None:
    client = Client()
    client.sends(join_frame(room_filter(), token=user_token()))
    new = user_token(begins_s=1000)

    assert client.sends(push("access_token", {"access_token": new}), 1000.0) == Reaction()
    channel = client.rooms.channel(V2, TOPIC)
    assert channel is not None
    assert channel.claims.token == new


@pytest.mark.parametrize("pushed", [None, "sb_secret_1", user_token()])
def test_a_pushed_token_that_says_nothing_new_is_ignored(pushed: str | None) -> None:
    client = Client()
    client.sends(join_frame(room_filter(), token=user_token()))
    client.rooms.advance(1.0)

    assert client.sends(push("access_token", {"access_token": pushed}), 10.0) == Reaction()
    assert client.rooms.advance(100.0) == []


def test_a_pushed_token_that_is_bad_ends_the_channel() -> None:
    client = Client()
    client.sends(join_frame(room_filter(), token=user_token()))

    reaction = client.sends(push("access_token", {"access_token": "nonsense"}), 1.0)

    system, close = answers(reaction)
    assert system[4]["message"] == "The token provided is not a valid JWT"
    assert close[3] == "phx_close"
    assert reaction.stall_s == 0.0


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "[1,2,3,4,5]", '["1","2","t","e"]', '["\\ud800"]']
)
def test_a_malformed_frame_is_dropped_and_the_reason_given(text: str) -> None:
    reaction = Client().says(text)

    assert reaction.effects == ()
    assert reaction.dropped


EVENTS = ["phx_join", "access_token", "phx_leave", "broadcast", "presence", "x"]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(payload=json_values, event=st.sampled_from(EVENTS))
def test_no_payload_of_a_client_raises(payload: Any, event: str) -> None:
    client = Client()
    client.sends(join_frame(room_filter()))
    text = msgspec.json.encode(["8", "8", TOPIC, event, payload]).decode()

    client.says(text, 1.0)
    client.rooms.advance(10.0)
    client.rooms.publish(change(), "now")


names = st.sampled_from([b"", b"7", b"\xff", TOPIC.encode(), *(one.encode() for one in EVENTS)])
sized = st.lists(names, max_size=5).map(
    lambda fields: bytes(len(one) for one in fields) + b"".join(fields)
)


@given(kind=st.sampled_from([b"", b"\x00", b"\x03", b"\x09"]), header=sized, rest=st.binary())
def test_no_binary_message_of_a_client_raises(kind: bytes, header: bytes, rest: bytes) -> None:
    client = Client()
    client.sends(join_frame(room_filter()))

    client.says_bytes(kind + header + rest, 1.0)


@given(said=json_values)
def test_no_presence_of_a_client_raises(said: Any) -> None:
    client = Client()
    client.joins(presence={"enabled": True})

    client.sends(push("presence", {"event": "track", "payload": said}))


def test_text_that_is_no_utf_8_is_dropped() -> None:
    client = Client()
    client.joins(broadcast={"self": True})

    reaction = client.says(b'["7","8","realtime:webinar-42","broadcast",{"a":"\xff"}]')

    assert reaction.dropped
    assert reaction.effects == ()


def test_more_than_five_items_are_read_as_five() -> None:
    assert answers(Client().says('[null,"31","phoenix","heartbeat",{},1]'))[0][1] == "31"


def test_a_frame_of_1_without_ref_is_dropped() -> None:
    assert Client(V1).says('{"topic":"phoenix","event":"heartbeat","payload":{}}').dropped


@given(filters=st.lists(st.none() | st.dictionaries(st.text(max_size=8), json_values, max_size=5)))
def test_a_join_is_answered_with_as_many_bindings_as_it_asked_for(
    filters: list[dict[str, Any] | None],
) -> None:
    (answer,) = answers(Client().sends(join_frame(*filters)))

    echoed = answer[4]["response"]["postgres_changes"]
    asked = [one for one in filters if one is not None]
    assert [{**one, "id": 0} for one in echoed] == [{**one, "id": 0} for one in asked]
    assert all(one["id"] > 0 for one in echoed)


@pytest.mark.parametrize("depth", [50, 99, 100, 101, 400, 987, 1000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_what_is_nested_too_deeply_is_dropped_and_leaves_nothing_behind(
    depth: int, opening: str, closing: str
) -> None:
    client, other = both(presence={"enabled": True}, broadcast={"self": True, "ack": True})
    head = f'["7","8","{TOPIC}",'

    def nested(outside: int) -> str:
        """So deep with what is around it."""
        inside = depth - outside
        return opening * inside + "1" + closing * inside

    kept = [
        f'"broadcast",{{"event":"x","payload":{nested(1)}}}',
        f'"presence",{{"event":"track","payload":{{"a":{nested(2)}}}}}',
        f'"phx_join",{{"config":{{"postgres_changes":[{{"event":"*","a":{nested(4)}}}]}}}}',
    ]
    reactions = [client.says(head + one + "]") for one in kept]
    reactions.append(client.says_bytes(typing_push(payload=nested(0).encode())))

    for reaction in reactions:
        assert bool(reaction.dropped) is (depth > 100)
        for effect in reaction.effects:
            if isinstance(effect, Send | Publish):
                encode(effect.frame, "1.0.0")
    assert client.rooms.drop(client.peer, 1.0)
    assert answers(other.joins(presence={"enabled": True}, ref="9"))
