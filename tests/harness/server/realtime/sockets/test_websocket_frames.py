"""Frames of clients, however the bytes are cut; what is broken is said once."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from harness.server.realtime.sockets.websocket_frames import (
    Arrival,
    Binary,
    Broken,
    Closed,
    FrameReader,
    Ping,
    Text,
)
from tests.harness.server.realtime.client_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    frame,
)

MAX_BYTES = 100_000


def read(data: bytes, cuts: Sequence[int] = (), max_bytes: int = MAX_BYTES) -> list[Arrival]:
    reader = FrameReader()
    places = sorted({min(cut, len(data)) for cut in cuts})
    arrivals: list[Arrival] = []
    for begin, end in zip([0, *places], [*places, len(data)], strict=True):
        arrivals += reader.feed(data[begin:end], max_bytes)
    return arrivals


controls = st.tuples(st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=125))
texts = st.one_of(st.text(max_size=300), st.text(max_size=50).map(lambda text: text * 1500))
messages = st.tuples(
    st.one_of(texts, st.binary(max_size=300)), st.lists(st.integers(0, 300), max_size=4), controls
)


@given(
    st.lists(messages, max_size=5),
    st.binary(min_size=4, max_size=4),
    st.lists(st.integers(0, 3000), max_size=20),
)
def test_messages_arrive_whole_and_in_order_in_any_pieces(
    sent: list[tuple[str | bytes, list[int], tuple[Opcode, bytes]]], mask: bytes, cuts: list[int]
) -> None:
    data, expected = b"", list[Arrival]()
    for content, fragments, (opcode, aside) in sent:
        raw = content.encode() if isinstance(content, str) else content
        if len(raw) > MAX_BYTES:
            continue
        places = sorted({min(cut, len(raw)) for cut in fragments})
        pieces = [raw[a:b] for a, b in zip([0, *places], [*places, len(raw)], strict=True)]
        first = Opcode.TEXT if isinstance(content, str) else Opcode.BINARY
        for number, piece in enumerate(pieces):
            last = number == len(pieces) - 1
            data += frame(piece, first if number == 0 else CONTINUATION, final=last, mask=mask)
            if not last:
                data += Frame(opcode, aside).serialize(mask=True)
                expected += [Ping(aside)] if opcode is Opcode.PING else []
        expected.append(Text(content) if isinstance(content, str) else Binary(content))

    assert read(data, cuts) == expected


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=20))
def test_any_bytes_mean_the_same_in_any_pieces_and_nothing_follows_an_end(
    data: bytes, cuts: list[int]
) -> None:
    whole = read(data)

    assert read(data, cuts) == whole
    assert not any(isinstance(one, Closed | Broken) for one in whole[:-1])


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(b"x", masked=False), 1002),
        (frame(b"x", reserved=4), 1002),
        (frame(b"x", 3), 1002),
        (frame(bytes(126), PING), 1002),
        (frame(b"", PONG, final=False), 1002),
        (frame(b"x", CONTINUATION), 1002),
        (frame(b"x", final=False) + frame(b"x", BINARY), 1002),
        (frame(b"\x03", CLOSE), 1002),
        (frame(b"\x03\xec", CLOSE), 1002),
        (frame(b"\x03\xe8\xff", CLOSE), 1007),
        (frame(b"\xff"), 1007),
        (frame(b"\xc3", final=False) + frame(b"x", CONTINUATION), 1007),
        (frame(b"", length=MAX_BYTES + 1), 1009),
        (frame(bytes(MAX_BYTES), BINARY, final=False) + frame(b"x", CONTINUATION), 1009),
    ],
)
def test_a_broken_rule_is_said_with_its_code(data: bytes, code: int) -> None:
    (broken,) = read(data + frame(b"more"))

    assert isinstance(broken, Broken)
    assert broken.code == code


def test_a_message_of_just_the_limit_is_let_in() -> None:
    assert read(frame(b"x" * 300), max_bytes=300) == [Text("x" * 300)]


def test_a_character_may_be_cut_by_fragments() -> None:
    data = frame(b"\xc3", final=False) + frame(b"\xa9", CONTINUATION)

    assert read(data) == [Text("é")]


def test_a_close_is_to_be_echoed_as_it_is() -> None:
    assert read(frame(b"\x03\xe8bye", CLOSE) + b"junk") == [Closed(b"\x03\xe8bye")]
    assert read(frame(b"", CLOSE)) == [Closed(b"")]


def test_endless_empty_fragments_take_no_memory() -> None:
    reader = FrameReader()
    reader.feed(frame(b"x", final=False), MAX_BYTES)
    empty = frame(b"", CONTINUATION, final=False) * 100
    tracemalloc.start()
    for _ in range(200):
        assert reader.feed(empty, MAX_BYTES) == []
    kept_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept_bytes < 100_000


def test_readers_without_a_rest_share_nothing_that_one_could_change() -> None:
    one, other = FrameReader(), FrameReader()
    one.feed(frame(b"half of a message", final=False), MAX_BYTES)
    one.feed(frame(b"and more", CONTINUATION, final=False)[:5], MAX_BYTES)

    assert other.feed(frame(b"whole"), MAX_BYTES) == [Text("whole")]
