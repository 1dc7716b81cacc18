"""What a broken or hostile client may send, and what RFC 6455 says becomes of its socket."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from harness.wire.phoenix import Vsn
from tests.harness.server.realtime.client_frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    frame,
)
from tests.harness.server.realtime.fuzz_content import CONTENT_KINDS, MAX_FRAME_BYTES, word

STAYS = "stays"
"""The socket stays open and goes on to be served."""
ANY = "any"
"""Nothing is promised but that nobody else suffers."""


@dataclass(frozen=True)
class Case:
    """Bytes after an accepted handshake."""

    kind: str
    sent: bytes
    outcome: int | str
    """The code of the server's Close frame, :data:`STAYS` or :data:`ANY`."""
    vsn: Vsn = "2.0.0"


HEARTBEATS: dict[Vsn, bytes] = {
    "1.0.0": frame(b'{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"the end"}'),
    "2.0.0": frame(b'[null,"the end","phoenix","heartbeat",{}]'),
}
"""Sent after a case; a socket that stays answers with its ref."""


def cases(count: int, seed: int) -> list[Case]:
    """So many cases; the same for the same seed."""
    rng = random.Random(seed)
    kinds = sorted((*CONTENT_KINDS, *FRAME_KINDS))
    made = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        content = CONTENT_KINDS.get(kind)
        sent, outcome = (content(rng), STAYS) if content else FRAME_KINDS[kind](rng)
        made.append(Case(kind, sent, outcome, "1.0.0" if kind.endswith("_v1") else "2.0.0"))
    return made


Made = tuple[bytes, int | str]


def _empty(rng: random.Random) -> Made:
    return frame(b"", rng.choice([TEXT, BINARY, PING, PONG])), STAYS


def _fragments(rng: random.Random) -> Made:
    """A message in many pieces, cut inside its characters, with control frames between them."""
    text = json.dumps(["1", "1", "realtime:é😀", "x", word(rng, 40)], ensure_ascii=False).encode()
    cuts = sorted(rng.randrange(len(text) + 1) for _ in range(rng.randrange(1, 6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    sent = b""
    for number, piece in enumerate(pieces):
        if rng.random() < 0.5:
            sent += frame(rng.randbytes(rng.randrange(126)), rng.choice([PING, PONG]))
        opcode = TEXT if number == 0 else CONTINUATION
        sent += frame(piece, opcode, final=number == len(pieces) - 1, mask=rng.randbytes(4))
    return sent, STAYS


def _broken_utf8(rng: random.Random) -> Made:
    bad = rng.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\xaf"])
    text = word(rng, 100).encode()
    at = rng.randrange(len(text) + 1)
    whole = text[:at] + bad + b" " + text[at:]
    if rng.random() < 0.5:
        return frame(whole), 1007
    cut = rng.randrange(len(whole) + 1)
    return frame(whole[:cut], final=False) + frame(whole[cut:], CONTINUATION), 1007


def _unmasked(rng: random.Random) -> Made:
    return frame(word(rng, 100).encode(), masked=False), 1002


def _reserved_bits(rng: random.Random) -> Made:
    return frame(b"x", rng.choice([TEXT, BINARY, PING]), reserved=rng.randrange(1, 8)), 1002


def _unknown_opcode(rng: random.Random) -> Made:
    return frame(b"x", rng.choice([3, 4, 5, 6, 7, 11, 12, 13, 14, 15])), 1002


def _bad_control(rng: random.Random) -> Made:
    opcode = rng.choice([CLOSE, PING, PONG])
    if rng.random() < 0.5:
        return frame(bytes(rng.randrange(126, 300)), opcode), 1002
    return frame(b"\x03\xe8", opcode, final=False), 1002


def _bad_sequence(rng: random.Random) -> Made:
    if rng.random() < 0.5:
        return frame(b"x", CONTINUATION, final=rng.random() < 0.5), 1002
    return frame(b"x", final=False) + frame(b"y", rng.choice([TEXT, BINARY])), 1002


def _bad_close(rng: random.Random) -> Made:
    bad = rng.choice([b"\x03", *(code.to_bytes(2, "big") for code in (0, 999, 1004, 1006, 5000))])
    return frame(bad, CLOSE), 1002


def _broken_close_reason(_: random.Random) -> Made:
    return frame(b"\x03\xe8\xff\xfe", CLOSE), 1007


def _close(rng: random.Random) -> Made:
    code = rng.choice([1000, 1001, 3000, 4999])
    return frame(code.to_bytes(2, "big") + word(rng, 20).encode(), CLOSE) + b"junk", code


def _close_in_a_message(_: random.Random) -> Made:
    return frame(b"half", final=False) + frame(b"\x03\xe8", CLOSE), 1000


def _too_long(rng: random.Random) -> Made:
    """Only announced; nothing of it is sent."""
    length = rng.choice([MAX_FRAME_BYTES + 1, 70_000, 2**40])
    return frame(b"", rng.choice([TEXT, BINARY]), length=length), 1009


def _too_long_in_pieces(rng: random.Random) -> Made:
    piece = frame(bytes(MAX_FRAME_BYTES // 2), BINARY, final=False)
    more = frame(bytes(MAX_FRAME_BYTES // 2), CONTINUATION, final=False)
    return piece + more + frame(b"xx", CONTINUATION, final=rng.random() < 0.5), 1009


def _no_length(rng: random.Random) -> Made:
    return b"\x81\xff" + (2**63 + rng.randrange(1000)).to_bytes(8, "big") + bytes(4), ANY


def _truncated(rng: random.Random) -> Made:
    whole = frame(bytes(rng.randrange(1, 300)))
    return whole[: rng.randrange(1, len(whole))], ANY


def _noise(rng: random.Random) -> Made:
    return rng.randbytes(rng.randrange(1, 2000)), ANY


FRAME_KINDS: dict[str, Callable[[random.Random], Made]] = {
    function.__name__.strip("_"): function
    for function in (
        _empty,
        _fragments,
        _broken_utf8,
        _unmasked,
        _reserved_bits,
        _unknown_opcode,
        _bad_control,
        _bad_sequence,
        _bad_close,
        _broken_close_reason,
        _close,
        _close_in_a_message,
        _too_long,
        _too_long_in_pieces,
        _no_length,
        _truncated,
        _noise,
    )
}
