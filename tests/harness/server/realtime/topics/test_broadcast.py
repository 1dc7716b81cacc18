from __future__ import annotations

from harness.server.realtime.topics.broadcast import PlainBytes, Relayed, UserEvent, in_serializer
from harness.wire.binary import BinaryBroadcast, UserBroadcast, decode_from_server
from harness.wire.phoenix import Frame, payload

TOPIC = "realtime:a"


def test_a_text_broadcast_goes_on_as_it_came() -> None:
    content = payload({"type": "broadcast", "event": "typing", "payload": {}})

    for vsn in ("1.0.0", "2.0.0"):
        frame = in_serializer(Relayed(content), TOPIC, vsn)
        assert frame == Frame(None, None, TOPIC, "broadcast", content)


def test_a_binary_broadcast_stays_binary_under_2_and_becomes_json_under_1() -> None:
    event = UserEvent("typing", True, b'{"who":"ann"}')

    new = in_serializer(event, TOPIC, "2.0.0")
    assert isinstance(new, bytes)
    assert decode_from_server(new) == UserBroadcast(
        topic=TOPIC, event="typing", is_json=True, payload=b'{"who":"ann"}'
    )
    old = in_serializer(event, TOPIC, "1.0.0")
    assert isinstance(old, Frame)
    assert bytes(old.payload) == (b'{"event":"typing","payload":{"who":"ann"},"type":"broadcast"}')


def test_bytes_do_not_reach_a_client_of_1() -> None:
    assert in_serializer(UserEvent("blob", False, b"\x00\xff"), TOPIC, "1.0.0") is None
    assert in_serializer(PlainBytes(b"\x00"), TOPIC, "1.0.0") is None


def test_what_only_claims_to_be_json_does_not_break_a_frame_of_1() -> None:
    for data in (b"{", b'{"a":1},"ref":"1"', b'"\xff"', b""):
        assert in_serializer(UserEvent("e", True, data), TOPIC, "1.0.0") is None


def test_a_plain_binary_push_is_a_kind_2_frame() -> None:
    message = in_serializer(PlainBytes(b"\x01"), TOPIC, "2.0.0")

    assert isinstance(message, bytes)
    assert decode_from_server(message) == BinaryBroadcast(TOPIC, "broadcast", b"\x01")


def test_a_name_too_long_for_a_binary_frame_reaches_nobody() -> None:
    assert in_serializer(UserEvent("x" * 300, True, b"{}"), TOPIC, "2.0.0") is None
