"""A WebSocket's opening handshake in bytes (RFC 6455, section 4.2). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from urllib.parse import parse_qsl

from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol


@dataclass(frozen=True)
class Upgrade:
    """A request to open a WebSocket that is sound as such."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    acceptance: bytes
    """The answer that opens the socket."""


def read_upgrade(request: bytes) -> Upgrade | bytes:
    """Read a whole request. Answers with bytes, a refusal, where it is none for a WebSocket."""
    protocol = ServerProtocol()
    protocol.receive_data(request)
    events = protocol.events_received()
    if not events or not isinstance(events[0], Request):
        return refusal(400)
    asked = events[0]
    answer = protocol.accept(asked)
    if answer.status_code != 101:
        return answer.serialize()
    path, _, query = asked.path.partition("?")
    return Upgrade(
        path=path,
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers={name.lower(): value for name, value in asked.headers.raw_items()},
        acceptance=answer.serialize(),
    )


def refusal(status: int, headers: Iterable[tuple[bytes, bytes]] = (), body: bytes = b"") -> bytes:
    """An answer that opens nothing."""
    fields = [
        ("Date", formatdate(usegmt=True)),
        ("Connection", "close"),
        ("Content-Length", str(len(body))),
        *((name.decode(), value.decode()) for name, value in headers),
    ]
    return Response(status, HTTPStatus(status).phrase, Headers(fields), body).serialize()
