"""One HTTP request to an ASGI application, byte by byte, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import msgspec
from starlette import types as asgi

_WAIT_S = 30.0
"""What is not answered by then never will be."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes
    header_names: tuple[str, ...] = ()
    """Each as often as it was sent."""

    def json(self) -> Any:
        return msgspec.json.decode(self.content)


def json_bytes(body: Any) -> bytes:
    """``body`` as it is sent: bytes as they are, everything else as JSON."""
    return body if isinstance(body, bytes) else msgspec.json.encode(body)


async def call(
    app: asgi.ASGIApp,
    method: str,
    target: str,
    body: Any = b"",
    headers: Iterable[tuple[str, str]] = (),
    *,
    gone: asyncio.Event | None = None,
    chunks: Iterable[bytes] | None = None,
) -> Answer:
    """Ask ``target`` (path and query). ``gone`` is when the client gives up: never, unless given.

    ``chunks`` stands for a body whose length is not declared.
    """
    path, _, query = target.partition("?")
    content = json_bytes(body)
    parts = iter([content] if chunks is None else chunks)
    ahead = next(parts, b"")
    ended = False
    sent: list[asgi.Message] = []
    given = [(name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in headers]
    if chunks is None and content:
        given.append((b"content-length", str(len(content)).encode()))

    async def receive() -> asgi.Message:
        nonlocal ahead, ended
        if not ended:
            following = next(parts, None)
            message = {"type": "http.request", "body": ahead, "more_body": following is not None}
            ahead, ended = following or b"", following is None
            return message
        await (gone or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    async def send(message: asgi.Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": given,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    try:
        async with asyncio.timeout(_WAIT_S):
            await app(scope, receive, send)
    except Exception:
        # Starlette answers and raises again, for the web server to log.
        if not sent:
            raise
    start, *rest = sent
    return Answer(
        start["status"],
        {name.decode("latin-1"): text.decode("latin-1") for name, text in start["headers"]},
        b"".join(one.get("body", b"") for one in rest),
        tuple(name.decode("latin-1") for name, _ in start["headers"]),
    )
