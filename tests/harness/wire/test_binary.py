from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.wire.binary import (
    BinaryBroadcast,
    BinaryPush,
    UserBroadcast,
    UserBroadcastPush,
    decode_from_client,
    decode_from_server,
    encode_from_client,
    encode_from_server,
)
from harness.wire.phoenix import FrameError

names = st.text(max_size=60)
metadata = st.sampled_from([b"", b"{}", b'{"id":"1"}'])
pushes = st.one_of(
    st.builds(BinaryPush, names, names, names, names, st.binary()),
    st.builds(
        UserBroadcastPush,
        join_ref=names,
        ref=names,
        topic=names,
        event=names,
        is_json=st.booleans(),
        metadata=metadata,
        payload=st.binary(),
    ),
)
broadcasts = st.one_of(
    st.builds(BinaryBroadcast, names, names, st.binary()),
    st.builds(
        UserBroadcast,
        topic=names,
        event=names,
        is_json=st.booleans(),
        metadata=metadata,
        payload=st.binary(),
    ),
)


def test_a_user_broadcast_push_has_the_vendors_layout() -> None:
    data = b"\x03\x01\x02\x0a\x06\x02\x01" + b"7" + b"12" + b"realtime:a" + b"typing" + b"{}[1]"

    assert decode_from_client(data) == UserBroadcastPush(
        join_ref="7",
        ref="12",
        topic="realtime:a",
        event="typing",
        is_json=True,
        metadata=b"{}",
        payload=b"[1]",
    )


def test_a_user_broadcast_has_the_vendors_layout() -> None:
    broadcast = UserBroadcast(topic="realtime:a", event="é", is_json=False, payload=b"\xff")

    expected = b"\x04\x0a\x02\x00\x00realtime:a\xc3\xa9\xff"
    assert encode_from_server(broadcast) == expected


@given(push=pushes)
def test_what_a_client_writes_the_server_reads(push: BinaryPush | UserBroadcastPush) -> None:
    assert decode_from_client(encode_from_client(push)) == push


@given(broadcast=broadcasts)
def test_what_the_server_writes_a_client_reads(broadcast: UserBroadcast | BinaryBroadcast) -> None:
    assert decode_from_server(encode_from_server(broadcast)) == broadcast


kinds = st.sampled_from([b"", *(bytes([kind]) for kind in range(6))])
sizes = st.lists(st.integers(0, 5), max_size=7).map(bytes)


@given(kind=kinds, sizes=sizes, rest=st.binary(max_size=40))
def test_bytes_that_are_no_frame_raise_nothing_else(kind: bytes, sizes: bytes, rest: bytes) -> None:
    for read in (decode_from_client, decode_from_server):
        try:
            read(kind + sizes + rest)
        except FrameError:
            continue


@given(push=pushes, keep=st.floats(0, 0.99))
def test_a_frame_cut_inside_its_header_is_refused(
    push: BinaryPush | UserBroadcastPush, keep: float
) -> None:
    data = encode_from_client(push)
    rest = push.data if isinstance(push, BinaryPush) else push.payload
    header = data[: len(data) - len(rest)]

    with pytest.raises(FrameError):
        decode_from_client(header[: int(len(header) * keep)])


def test_a_name_of_more_than_255_bytes_cannot_be_written() -> None:
    with pytest.raises(FrameError, match="at most 255 bytes"):
        encode_from_server(UserBroadcast(topic="x" * 256, event="e", is_json=True, payload=b""))


def test_metadata_that_is_no_json_is_refused() -> None:
    with pytest.raises(FrameError, match="metadata"):
        decode_from_client(b"\x03\x00\x00\x00\x00\x01\x01{")
