"""What a session asks its driver to do."""

from __future__ import annotations

from typing import Literal, NamedTuple

Host = Literal["api", "project"]
"""``api``: the chat's own, with the user's token. ``project``: the gateway of the Supabase project
(Auth), with the public API key."""


class OpenSocket(NamedTuple):
    """Start a WebSocket; answer with ``socket_opened`` or ``socket_closed`` of this number."""

    socket: int
    path: str
    """Path and query, e.g. ``/realtime/v1/websocket?apikey=…&vsn=2.0.0``."""


class SendFrame(NamedTuple):
    """Send a text frame; nothing happens where the socket is no longer open."""

    socket: int
    data: bytes


class CloseSocket(NamedTuple):
    """Close the socket; answer with ``socket_closed`` when it is gone."""

    socket: int
    code: int | None
    """None: ``close()`` without a code; the peer sees 1005."""
    reason: str


class StartRequest(NamedTuple):
    """Send an HTTP request; answer with ``http_answered`` or ``http_failed`` of this number."""

    request: int
    method: str
    path: str
    """Path and query."""
    body: bytes | None
    to: Host = "api"


class UseToken(NamedTuple):
    """Requests to the chat's API carry this token from now on."""

    token: str


class AbortRequest(NamedTuple):
    """Forget the request and drop its connection (``AbortController``); no answer follows."""

    request: int


class ShowFailure(NamedTuple):
    """A bubble of one's own now says that its send failed, with a button to send it again: the
    person sees it. Answer with ``send_again`` where they press it."""

    client_msg_id: str
    attempt: int
    """Which one failed, from 1."""


Command = (
    OpenSocket | SendFrame | CloseSocket | StartRequest | UseToken | AbortRequest | ShowFailure
)
