"""Reading one HTTP/1.1 answer off a connection, and no more of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True)
class HttpAnswer:
    """A whole answer, whatever it says."""

    status: int
    body: bytes
    head_bytes: int
    """How long its head was."""


async def read_answer(reader: asyncio.StreamReader) -> HttpAnswer:
    """Raises ``OSError`` or ``EOFError`` where the connection ends before, and ``ValueError``
    where the bytes are no HTTP."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise ValueError(f"no HTTP answer: {error}") from None
    first, *lines = head.lower().decode("latin-1").split("\r\n")
    if not first.startswith("http/1."):
        raise ValueError(f"no HTTP answer: {first[:40]!r}")
    status = int(first.split(" ")[1])
    headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "chunked" not in headers.get("transfer-encoding", ""):
        length = int(headers.get("content-length", "0"))
        return HttpAnswer(status, await reader.readexactly(length), len(head))
    return HttpAnswer(status, await _chunks(reader), len(head))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16)
        chunk = await reader.readexactly(size + len(b"\r\n"))
        if size == 0:
            return body
        body += chunk[:size]
