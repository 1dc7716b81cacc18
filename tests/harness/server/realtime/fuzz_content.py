"""Messages that WebSocket lets pass and Phoenix or Realtime should not trip over."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable
from typing import Any

from tests.harness.server.realtime.client_frames import BINARY, frame

MAX_FRAME_BYTES = 20_000
"""The limit that the server under test was started with."""


def _garbage_text(rng: random.Random) -> bytes:
    return frame(word(rng, 300).encode())


def _cut_json(rng: random.Random) -> bytes:
    text = json.dumps(_join(rng, _value(rng, 3))).encode()
    return frame(text[: rng.randrange(len(text))][:MAX_FRAME_BYTES])


def _wrong_types(rng: random.Random) -> bytes:
    parts = [_value(rng, 2) for _ in range(rng.choice([0, 1, 4, 5, 5, 5, 6]))]
    return frame(json.dumps(parts).encode()[:MAX_FRAME_BYTES])


def _odd_push(rng: random.Random) -> bytes:
    topic = rng.choice(["phoenix", "realtime:", "realtime:a", "", "realtime:" + word(rng, 50)])
    events = ("access_token", "phx_leave", "phx_close", "phx_reply", "heartbeat", "broadcast")
    more = ("presence", "system", "postgres_changes", "", word(rng, 20))
    event = rng.choice((*events, *more))
    message = [_ref(rng), _ref(rng), topic, event, _value(rng, 3)]
    return frame(json.dumps(message).encode()[:MAX_FRAME_BYTES])


def _odd_join(rng: random.Random) -> bytes:
    return frame(json.dumps(_join(rng, _value(rng, 4))).encode()[:MAX_FRAME_BYTES])


def _odd_bindings(rng: random.Random) -> bytes:
    binding = {
        name: rng.choice([good, _value(rng, 1)])
        for name, good in (
            *(("event", "INSERT"), ("schema", "public"), ("table", "messages")),
            ("filter", rng.choice(["webinar_id=eq." + "9" * rng.randrange(40), "undefined"])),
        )
    }
    config = {"postgres_changes": [binding, None], "broadcast": _value(rng, 1)}
    return frame(json.dumps(_join(rng, {"config": config})).encode()[:MAX_FRAME_BYTES])


def _objects_v1(rng: random.Random) -> bytes:
    """What is an object, but not quite the one that serializer 1.0.0 asks for."""
    whole = {
        "topic": rng.choice(["phoenix", "realtime:a", "realtime:", word(rng, 20)]),
        "event": rng.choice(["phx_join", "access_token", "broadcast", "presence", "phx_leave"]),
        "payload": _value(rng, 4),
        "ref": _ref(rng),
        "join_ref": _ref(rng),
    }
    name = rng.choice([*whole, word(rng, 5)])
    whole[name] = _value(rng, 1)
    if rng.random() < 0.3:
        del whole[rng.choice(sorted(whole))]
    return frame(json.dumps(whole).encode()[:MAX_FRAME_BYTES])


def _in_a_channel(rng: random.Random) -> bytes:
    """A sound join, then pushes that are odd in their payload alone."""
    config: dict[str, Any] = {
        "broadcast": {"ack": rng.random() < 0.5, "self": rng.random() < 0.5},
        "presence": {"enabled": rng.random() < 0.5, "key": rng.choice(["", word(rng, 5)])},
        "postgres_changes": [],
    }
    sent = frame(json.dumps(["1", "1", "realtime:a", "phx_join", {"config": config}]).encode())
    for _ in range(rng.randrange(1, 5)):
        event = rng.choice(["access_token", "broadcast", "presence", "phx_leave", "phx_join"])
        payload = _value(rng, 3)
        if rng.random() < 0.5:
            inner = rng.choice(["track", "untrack", "TRACK", "x", None, 1])
            payload = {"type": rng.choice([event, 1]), "event": inner, "payload": payload}
        push = ["1", _ref(rng), "realtime:a", event, payload]
        sent += frame(json.dumps(push).encode()[:MAX_FRAME_BYTES])
        sent += _binary_push(rng)
    return sent


def _binary_push(rng: random.Random) -> bytes:
    """A user broadcast whose header is right, or nearly."""
    topic = rng.choice([b"realtime:a", b"realtime:a", b"", b"\xff\xfe", rng.randbytes(200)])
    event = rng.choice([b"typing", b"", b"\xff", rng.randbytes(200)])
    meta = rng.choice([b"", b"{}", b'{"a":1}', b"[", b"\xff"])
    parts = [b"1", rng.choice([b"", b"2", b"\xff"]), topic, event, meta]
    lengths = [len(part) for part in parts]
    if rng.random() < 0.2:
        lengths[rng.randrange(5)] = rng.randrange(256)
    encoding = rng.choice([0, 1, 1, 2, 255])
    head = bytes([3, *lengths, encoding])
    content = rng.choice([b"{}", b"", b"not JSON", b'{"a":"\xff"}', rng.randbytes(50)])
    return frame(head + b"".join(parts) + content, BINARY)


def _deep_json(rng: random.Random) -> bytes:
    depth = rng.randrange(500, 9000)
    opening, closing = rng.choice([("[", "]"), ('{"a":', "}")])
    most = (MAX_FRAME_BYTES - 100) // (len(opening) + len(closing))
    depth = min(depth, most)
    deep = opening * depth + "1" + closing * depth
    return frame(f'["1","1","realtime:a","phx_join",{deep}]'.encode())


def deep_in_a_channel(rng: random.Random) -> bytes:
    """Nested about as deeply as decoders and encoders give up at, where it is kept or sent on."""
    depth = rng.choice([50, 99, 100, 101, 150, rng.randrange(50, 1001), rng.randrange(300, 1001)])
    opening, closing = rng.choice([("[", "]"), ('{"a":', "}")])
    deep = opening * depth + "1" + closing * depth
    config = rng.choice(
        [
            f'"postgres_changes":[{{"event":"*","x":{deep}}}]',
            f'"postgres_changes":[{{"schema":"public","table":"messages","x":{deep}}}]',
            '"broadcast":{"self":true,"ack":true},"presence":{"enabled":true}',
        ]
    )
    pushes = [
        f'["1","1","realtime:deep","phx_join",{{"config":{{{config}}}}}]',
        '["1","1","realtime:deep","phx_join",{"config":{"presence":{"enabled":true}}}]',
        f'["1","2","realtime:deep","presence",{{"event":"track","payload":{{"x":{deep}}}}}]',
        f'["1","3","realtime:deep","broadcast",{{"event":"x","payload":{deep}}}]',
        '["1","4","realtime:deep","presence",{"event":"untrack"}]',
    ]
    head = bytes([3, 1, 1, 13, 1, 0, 1])
    binary = frame(head + b"15realtime:deepx" + deep.encode(), BINARY)
    return b"".join(frame(one.encode()) for one in pushes) + binary


def _huge_field(rng: random.Random) -> bytes:
    long = rng.choice("x9é") * rng.randrange(5000, 9000)
    at = rng.randrange(5)
    message: list[Any] = ["1", "1", "realtime:a", "phx_join", {}]
    message[at] = {"access_token": long} if at == 4 else long
    return frame(json.dumps(message, ensure_ascii=False).encode())


def _odd_numbers(rng: random.Random) -> bytes:
    number = rng.choice(["1e400", "-1e400", "9" * 5000, "-0", "1e-400", "0.1e1", "NaN", "01"])
    return frame(f'["1",{number},"realtime:a","phx_join",{number}]'.encode())


def _odd_escapes(rng: random.Random) -> bytes:
    odd = rng.choice([r"\ud800", r"\udc00\ud800", r"\u0000", r"\x", "\\", r"\uZZZZ", "\u0001"])
    return frame(f'["{odd}","1","realtime:{odd}","phx_join",{{"{odd}":"{odd}"}}]'.encode())


def _binary(rng: random.Random) -> bytes:
    content = rng.randbytes(rng.randrange(300))
    if rng.random() < 0.5:
        content = bytes([3, *(rng.randrange(256) for _ in range(6))]) + content
    return frame(content, BINARY)


def _many_at_once(rng: random.Random) -> bytes:
    return b"".join(_odd_push(rng) for _ in range(rng.randrange(2, 20)))


def _join(rng: random.Random, payload: Any) -> list[Any]:
    return [_ref(rng), _ref(rng), f"realtime:{word(rng, 8)}", "phx_join", payload]


def _ref(rng: random.Random) -> Any:
    return rng.choice([None, "1", word(rng, 10), rng.randrange(10**6), True])


def word(rng: random.Random, most: int) -> str:
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
            rng.choice((*names, *more, word(rng, 5))): _value(rng, depth - 1)
            for _ in range(rng.randrange(5))
        }
    return rng.choice(
        [None, True, False, 0, -1, 2**70, 1.5, "", "sb_x", "a.b.c", word(rng, 30), [], {}]
    )


CONTENT_KINDS: dict[str, Callable[[random.Random], bytes]] = {
    function.__name__.strip("_"): function
    for function in (
        _garbage_text,
        _cut_json,
        _wrong_types,
        _odd_push,
        _odd_join,
        _odd_bindings,
        _objects_v1,
        _in_a_channel,
        _binary_push,
        _deep_json,
        deep_in_a_channel,
        _huge_field,
        _odd_numbers,
        _odd_escapes,
        _binary,
        _many_at_once,
    )
}
