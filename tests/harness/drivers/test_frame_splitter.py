"""Splitting and parsing together read what the protocol alone would, however the bytes are cut."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import WebSocketURI

from harness.drivers.frame_splitter import FrameSplitter

MAX_BYTES = 200_000

text = st.sampled_from([0, 1, 125, 126, 127, 777, 65_535, 65_536, 70_000]).map(lambda n: b"x" * n)
frames = st.builds(
    lambda opcode, data, fin: Frame(opcode, data, fin).serialize(mask=False),
    st.sampled_from([Opcode.TEXT, Opcode.TEXT, Opcode.BINARY, Opcode.CONT]),
    text,
    st.sampled_from([True, True, False]),
)
controls = st.builds(
    lambda opcode, data: Frame(opcode, data).serialize(mask=False),
    st.sampled_from([Opcode.PING, Opcode.PONG]),
    st.binary(max_size=125),
)
close = st.just(Frame(Opcode.CLOSE, struct.pack("!H", 1001) + b"bye").serialize(mask=False))
masked = st.builds(
    lambda data: Frame(Opcode.TEXT, data).serialize(mask=True), st.binary(max_size=20)
)
oversized = st.just(b"\x81\x7f" + struct.pack("!Q", 2**40) + b"x" * 10)
streams = st.lists(frames | frames | controls | close | masked | oversized | st.binary(max_size=9))


def protocol() -> ClientProtocol:
    return ClientProtocol(
        WebSocketURI(False, "localhost", 80, "/", ""), state=State.OPEN, max_size=MAX_BYTES
    )


def failed(one: ClientProtocol) -> bool:
    return one.parser_exc is not None or one.close_rcvd is not None


def said(one: ClientProtocol) -> list[int]:
    """The lengths of what it answered; the masks of its frames are random."""
    return [len(data) for data in one.data_to_send()]


def read_alone(content: bytes) -> tuple[list[Frame], ClientProtocol]:
    one = protocol()
    one.receive_data(content)
    return [event for event in one.events_received() if isinstance(event, Frame)], one


def read_split(chunks: list[bytes]) -> tuple[list[Frame], ClientProtocol]:
    splitter, one = FrameSplitter(), protocol()
    found: list[Frame] = []
    for chunk in chunks:
        for is_text, piece in splitter.feed(chunk):
            if failed(one):
                return found, one  # a link stops listening here
            if is_text:
                found.append(Frame(Opcode.TEXT, piece))
            else:
                one.receive_data(piece)
                found += [event for event in one.events_received() if isinstance(event, Frame)]
    return found, one


@given(streams, st.data())
def test_however_it_is_cut_a_stream_is_read_as_the_protocol_reads_it(
    parts: list[bytes], data: st.DataObject
) -> None:
    content = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=8)))
    chunks = [content[a:b] for a, b in pairwise([0, *cuts, len(content)])]

    wanted, alone = read_alone(content)
    got, split = read_split(chunks)

    assert got == wanted
    assert split.close_rcvd == alone.close_rcvd
    assert type(split.parser_exc) is type(alone.parser_exc)
    assert said(split) == said(alone)


def test_a_small_text_frame_never_reaches_the_protocol_at_any_cut() -> None:
    content = b"".join(
        Frame(Opcode.TEXT, payload).serialize(mask=False) for payload in (b"one", b"y" * 300)
    )
    for cut in range(len(content) + 1):
        splitter = FrameSplitter()
        pieces = [*splitter.feed(content[:cut]), *splitter.feed(content[cut:])]
        assert pieces == [(True, b"one"), (True, b"y" * 300)]


@pytest.mark.parametrize("payload", [b"", b"z" * 65_535])
def test_the_shortest_and_the_longest_small_frame_are_read_here(payload: bytes) -> None:
    frame = Frame(Opcode.TEXT, payload).serialize(mask=False)
    assert FrameSplitter().feed(frame) == [(True, payload)]


def test_a_larger_one_is_passed_on_whole() -> None:
    frame = Frame(Opcode.TEXT, b"z" * 65_536).serialize(mask=False)
    assert FrameSplitter().feed(frame) == [(False, frame)]


def test_a_text_frame_inside_a_fragmented_message_is_the_protocols_to_refuse() -> None:
    begun = Frame(Opcode.TEXT, b"a", fin=False).serialize(mask=False)
    intruder = Frame(Opcode.TEXT, b"b").serialize(mask=False)
    assert FrameSplitter().feed(begun + intruder) == [(False, begun), (False, intruder)]
