"""What a broken or hostile client may send, and what RFC 6455 says becomes of its socket."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MAX_FRAME_BYTES = 20_000
"""The limit that the server under test was started with."""
STAYS = "stays"
"""The socket stays open and goes on to be served."""
ANY = "any"
"""Nothing is promised but that nobody else suffers."""

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


@dataclass(frozen=True)
class Case:
    """Bytes after an accepted handshake."""

    kind: str
    sent: bytes
    outcome: int | str
    """The code of the server's Close frame, :data:`STAYS` or :data:`ANY`."""


def frame(
    content: bytes,
    opcode: int = TEXT,
    *,
    final: bool = True,
    reserved: int = 0,
    masked: bool = True,
    mask: bytes = b"\x11\x22\x33\x44",
    length: int | None = None,
) -> bytes:
    """One frame of a client, or what looks like one. ``length`` is what its head says."""
    length = len(content) if length is None else length
    bit = 0x80 if masked else 0
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    if length < 126:
        head += bytes([bit | length])
    elif length < 65_536:
        head += bytes([bit | 126]) + length.to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + length.to_bytes(8, "big")
    if not masked:
        return head + content
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(content))


def cases(count: int, seed: int) -> list[Case]:
    """So many cases; the same for the same seed."""
    rng = random.Random(seed)
    kinds = sorted(KINDS)
    made = []
    for number in range(count):
        kind = kinds[number % len(kinds)]
        sent, outcome = KINDS[kind](rng)
        made.append(Case(kind, sent, outcome))
    return made


Made = tuple[bytes, int | str]


def _garbage_text(rng: random.Random) -> Made:
    return frame(_word(rng, 300).encode()), STAYS


def _cut_json(rng: random.Random) -> Made:
    text = json.dumps(_join(rng, _value(rng, 3))).encode()
    return frame(text[: rng.randrange(len(text))][:MAX_FRAME_BYTES]), STAYS


def _wrong_types(rng: random.Random) -> Made:
    parts = [_value(rng, 2) for _ in range(rng.choice([0, 1, 4, 5, 5, 5, 6]))]
    return frame(json.dumps(parts).encode()[:MAX_FRAME_BYTES]), STAYS


def _odd_push(rng: random.Random) -> Made:
    topic = rng.choice(["phoenix", "realtime:", "realtime:a", "", "realtime:" + _word(rng, 50)])
    events = ("access_token", "phx_leave", "phx_close", "phx_reply", "heartbeat", "broadcast")
    more = ("presence", "system", "postgres_changes", "", _word(rng, 20))
    event = rng.choice((*events, *more))
    message = [_ref(rng), _ref(rng), topic, event, _value(rng, 3)]
    return frame(json.dumps(message).encode()[:MAX_FRAME_BYTES]), STAYS


def _odd_join(rng: random.Random) -> Made:
    return frame(json.dumps(_join(rng, _value(rng, 4))).encode()[:MAX_FRAME_BYTES]), STAYS


def _odd_bindings(rng: random.Random) -> Made:
    binding = {
        name: rng.choice([good, _value(rng, 1)])
        for name, good in (
            *(("event", "INSERT"), ("schema", "public"), ("table", "messages")),
            ("filter", rng.choice(["webinar_id=eq." + "9" * rng.randrange(40), "undefined"])),
        )
    }
    config = {"postgres_changes": [binding, None], "broadcast": _value(rng, 1)}
    return frame(json.dumps(_join(rng, {"config": config})).encode()[:MAX_FRAME_BYTES]), STAYS


def _deep_json(rng: random.Random) -> Made:
    depth = rng.randrange(500, 9000)
    opening, closing = rng.choice([("[", "]"), ('{"a":', "}")])
    most = (MAX_FRAME_BYTES - 100) // (len(opening) + len(closing))
    depth = min(depth, most)
    deep = opening * depth + "1" + closing * depth
    return frame(f'["1","1","realtime:a","phx_join",{deep}]'.encode()), STAYS


def _huge_field(rng: random.Random) -> Made:
    long = rng.choice("x9é") * rng.randrange(5000, 9000)
    at = rng.randrange(5)
    message: list[Any] = ["1", "1", "realtime:a", "phx_join", {}]
    message[at] = {"access_token": long} if at == 4 else long
    return frame(json.dumps(message, ensure_ascii=False).encode()), STAYS


def _odd_numbers(rng: random.Random) -> Made:
    number = rng.choice(["1e400", "-1e400", "9" * 5000, "-0", "1e-400", "0.1e1", "NaN", "01"])
    return frame(f'["1",{number},"realtime:a","phx_join",{number}]'.encode()), STAYS


def _odd_escapes(rng: random.Random) -> Made:
    odd = rng.choice([r"\ud800", r"\udc00\ud800", r"\u0000", r"\x", "\\", r"\uZZZZ", "\u0001"])
    return frame(f'["{odd}","1","realtime:{odd}","phx_join",{{"{odd}":"{odd}"}}]'.encode()), STAYS


def _binary(rng: random.Random) -> Made:
    content = rng.randbytes(rng.randrange(300))
    if rng.random() < 0.5:
        content = bytes([3, *(rng.randrange(256) for _ in range(6))]) + content
    return frame(content, BINARY), STAYS


def _empty(rng: random.Random) -> Made:
    return frame(b"", rng.choice([TEXT, BINARY, PING, PONG])), STAYS


def _fragments(rng: random.Random) -> Made:
    """A message in many pieces, cut inside its characters, with control frames between them."""
    text = json.dumps(["1", "1", "realtime:é😀", "x", _word(rng, 40)], ensure_ascii=False).encode()
    cuts = sorted(rng.randrange(len(text) + 1) for _ in range(rng.randrange(1, 6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    sent = b""
    for number, piece in enumerate(pieces):
        if rng.random() < 0.5:
            sent += frame(rng.randbytes(rng.randrange(126)), rng.choice([PING, PONG]))
        opcode = TEXT if number == 0 else CONTINUATION
        sent += frame(piece, opcode, final=number == len(pieces) - 1, mask=rng.randbytes(4))
    return sent, STAYS


def _many_at_once(rng: random.Random) -> Made:
    return b"".join(_odd_push(rng)[0] for _ in range(rng.randrange(2, 20))), STAYS


def _broken_utf8(rng: random.Random) -> Made:
    bad = rng.choice([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\xaf"])
    text = _word(rng, 100).encode()
    at = rng.randrange(len(text) + 1)
    whole = text[:at] + bad + b" " + text[at:]
    if rng.random() < 0.5:
        return frame(whole), 1007
    cut = rng.randrange(len(whole) + 1)
    return frame(whole[:cut], final=False) + frame(whole[cut:], CONTINUATION), 1007


def _unmasked(rng: random.Random) -> Made:
    return frame(_word(rng, 100).encode(), masked=False), 1002


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
    return frame(code.to_bytes(2, "big") + _word(rng, 20).encode(), CLOSE) + b"junk", code


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


KINDS: dict[str, Callable[[random.Random], Made]] = {
    function.__name__.strip("_"): function
    for function in (
        *(_garbage_text, _cut_json, _wrong_types, _odd_push, _odd_join, _odd_bindings),
        *(_deep_json, _huge_field, _odd_numbers, _odd_escapes, _binary, _empty, _fragments),
        *(_many_at_once, _broken_utf8, _unmasked, _reserved_bits, _unknown_opcode, _bad_control),
        *(_bad_sequence, _bad_close, _broken_close_reason, _close, _close_in_a_message),
        *(_too_long, _too_long_in_pieces, _no_length, _truncated, _noise),
    )
}


def handshakes(count: int, seed: int) -> list[bytes]:
    """Requests that are no good handshake, whole or cut off."""
    rng = random.Random(seed)
    good = (
        b"GET /realtime/v1/websocket?apikey=x&vsn=2.0.0 HTTP/1.1\r\nHost: x\r\n"
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    changes: tuple[tuple[bytes, bytes], ...] = (
        (b"GET", rng.choice([b"POST", b"PUT", b"\xff\xff"])),
        (b"apikey=x", b"apikey=\xff\xc3%ff%00"),
        (b"apikey=x", b"apikey=" + b"x" * 20_000),
        (b"/realtime/v1", b"/%ff\xff"),
        (b"/realtime/v1/websocket", b"/nowhere"),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"Version: 13", b"Version: 12"),
        (b"Version: 13", b"Version: \xff"),
        (b"AAAAAAAAAAAAAAAAAAAAAA==", b"short"),
        (b"AAAAAAAAAAAAAAAAAAAAAA==", b"\xff\xfe"),
        (b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", b""),
        (b"Upgrade: websocket", b"Upgrade: h2c"),
        (b"Connection: Upgrade", b"Connection: keep-alive"),
        (b"Host: x\r\n", b"X-Long: " + b"y" * 9000 + b"\r\n"),
        (b"Host: x\r\n", b"X-Odd: \xff\xfe\r\n"),
        (b"Host: x\r\n", b"Host: x\r\nContent-Length: 5\r\n"),
        (b"Host: x\r\n", b"".join(b"X-%d: y\r\n" % n for n in range(300))),
        (b"Host: x\r\n", b"Sec-WebSocket-Protocol: a, \xff, a\r\n"),
        (b"Host: x\r\n", b"Sec-WebSocket-Extensions: permessage-deflate; \xff=\r\n"),
        (b"\r\n\r\n", b"\r\n\r\n" + b"\x81\x85abcd" * 20),
    )
    made = []
    for number in range(count):
        request = good.replace(*changes[number % len(changes)])
        if rng.random() < 0.3:
            at = rng.randrange(len(request))
            request = request[:at] + rng.randbytes(3) + request[at + 3 :]
        if rng.random() < 0.2:
            request = request[: rng.randrange(1, len(request))]
        made.append(request)
    return made


def _join(rng: random.Random, payload: Any) -> list[Any]:
    return [_ref(rng), _ref(rng), f"realtime:{_word(rng, 8)}", "phx_join", payload]


def _ref(rng: random.Random) -> Any:
    return rng.choice([None, "1", _word(rng, 10), rng.randrange(10**6), True])


def _word(rng: random.Random, most: int) -> str:
    letters = string.printable + "éß안😀\u2028\x00"
    return "".join(rng.choice(letters) for _ in range(rng.randrange(1, most + 1)))


def _value(rng: random.Random, depth: int) -> Any:
    """Any JSON value, keys that mean something among its keys."""
    if depth and rng.random() < 0.7:
        if rng.random() < 0.3:
            return [_value(rng, depth - 1) for _ in range(rng.randrange(4))]
        names = ("config", "postgres_changes", "access_token", "event", "filter", "status")
        more = ("broadcast", "presence", "payload", "type", "private", "user_token", "key")
        return {
            rng.choice((*names, *more, _word(rng, 5))): _value(rng, depth - 1)
            for _ in range(rng.randrange(5))
        }
    return rng.choice(
        [None, True, False, 0, -1, 2**70, 1.5, "", "sb_x", "a.b.c", _word(rng, 30), [], {}]
    )
