"""Requests that are no good handshake."""

from __future__ import annotations

import random


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
