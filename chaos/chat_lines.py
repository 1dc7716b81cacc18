"""What the canary says to the chat itself: sends, polls, joins and rows of a room of its own.

It speaks to the server past all proxies. Whatever goes wrong comes out as one of
:data:`chaos.lines.LINE_ERRORS`; an answer that is none of the chat's is a :class:`BadAnswer`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar
from urllib.parse import quote

import msgspec
from websockets.asyncio.client import ClientConnection, connect

from chaos.http_answer import HttpAnswer, read_answer
from chaos.lines import LINE_ERRORS
from harness.tokens import mint
from harness.wire import phoenix
from harness.wire.api import CREATE_PATH, LIST_PATH, CreateAnswer, CreateRequest, ListAnswer

CANARY_ROOM = 2**53 - 1
"""The webinar that only the canary is in: no scenario has so many rooms."""
CANARY_USER = "00000000-0000-4000-8000-0000ca4a4700"
TOKEN_LIFETIME_S = 30 * 86_400
"""Longer than any run, so that nothing of the canary's expires by itself."""
_TOPIC = f"realtime:webinar-{CANARY_ROOM}"
_JOIN_REF, _HEARTBEAT_EVERY_S = "1", 20.0
_SHOWN_BYTES = 60


_Payload = TypeVar("_Payload", bound=msgspec.Struct)


class BadAnswer(ValueError):
    """The server answered, and the answer is not the chat's success."""


@dataclass(frozen=True, kw_only=True)
class ChatServer:
    """Where the chat is, and what opens it."""

    host: str
    api_port: int
    realtime_port: int
    api_key: str
    jwt_secret: str = field(repr=False)
    unix_s: Callable[[], float]

    def token(self, *, expires_in_s: int = TOKEN_LIFETIME_S) -> str:
        """The canary's, as a member of its room; below 0 it has expired."""
        now_s = int(self.unix_s())
        issued_s = min(now_s, now_s + expires_in_s - 1)
        return mint(
            self.jwt_secret,
            CANARY_USER,
            webinars={str(CANARY_ROOM): "attendee"},
            issued_at_unix_s=issued_s,
            lifetime_s=now_s + expires_in_s - issued_s,
        )


async def send_message(server: ChatServer, client_msg_id: str) -> None:
    """One send on a connection of its own; returns once it is acknowledged as S8 has it."""
    asked = CreateRequest(CANARY_ROOM, client_msg_id, "canary")
    answer = await _ask(server, "POST", CREATE_PATH, msgspec.json.encode(asked), server.token())
    _success(answer, CreateAnswer)


async def read_room(server: ChatServer) -> None:
    """One poll on a connection of its own."""
    answer = await _ask(server, "GET", _POLL, b"", server.token())
    _success(answer, ListAnswer)


async def compare_clocks(server: ChatServer, *, margin_s: int) -> None:
    """See that a token with ``margin_s`` to live is taken and one that is over for as long is not.

    Raises :class:`BadAnswer` where the server judges either of them otherwise.
    """
    for expires_in_s, expected in ((margin_s, 200), (-margin_s, 401)):
        answer = await _ask(server, "GET", _POLL, b"", server.token(expires_in_s=expires_in_s))
        if answer.status != expected:
            state = "with" if expires_in_s > 0 else "over for"
            raise BadAnswer(f"a token {state} {margin_s} s got {answer.status}")


_POLL = f"{LIST_PATH}?webinarId={CANARY_ROOM}&limit=1"


async def _ask(server: ChatServer, method: str, target: str, body: bytes, token: str) -> HttpAnswer:
    reader, writer = await asyncio.open_connection(server.host, server.api_port)
    head = (
        f"{method} {target} HTTP/1.1\r\nHost: {server.host}:{server.api_port}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    try:
        writer.write(head.encode() + body)
        await writer.drain()
        return await read_answer(reader)
    finally:
        writer.transport.abort()


def _success(answer: HttpAnswer, shape: type[CreateAnswer] | type[ListAnswer]) -> None:
    try:
        good = msgspec.json.decode(answer.body, type=shape).success
    except msgspec.DecodeError:
        good = False
    if answer.status != 200 or not good:
        said = answer.body[:_SHOWN_BYTES].decode("utf-8", "replace") or "no body"
        raise BadAnswer(f"{answer.status}: {' '.join(said.split())}")


class RoomSocket:
    """A socket with one channel, that of the canary's room, on which rows flow."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._beating: asyncio.Task[None] | None = None

    @classmethod
    async def join(cls, server: ChatServer) -> Self:
        """Connect, join and wait for ``system ok``. Raises :class:`BadAnswer` for a refusal."""
        url = (
            f"ws://{server.host}:{server.realtime_port}/realtime/v1/websocket"
            f"?apikey={quote(server.api_key, safe='')}&vsn=2.0.0"
        )
        socket = await connect(
            url, compression=None, ping_interval=None, open_timeout=None, max_queue=None, proxy=None
        )
        room = cls(socket)
        try:
            await room._send("phx_join", _JOIN_REF, _TOPIC, _join_payload(server.token()))
            while not _is_live(await room._frame()):
                pass
        except BaseException:
            room.abort()
            raise
        room._beating = asyncio.create_task(room._keep_alive())
        return room

    async def row(self) -> str:
        """The ``client_msg_id`` of the next INSERT."""
        while True:
            frame = await self._frame()
            if frame.event == "postgres_changes":
                return _read(frame.payload, _Change).data.record.client_msg_id

    def abort(self) -> None:
        """Drop it at once."""
        if self._beating is not None:
            self._beating.cancel()
        self._socket.transport.abort()

    async def _frame(self) -> phoenix.Frame:
        """The next one. One that ends the channel, or refuses it, is a :class:`BadAnswer`."""
        frame = phoenix.decode(await self._socket.recv(decode=False), "2.0.0")
        if frame.event in ("phx_close", "phx_error"):
            raise BadAnswer(f"the channel was ended ({frame.event})")
        if frame.event == "phx_reply" and frame.topic == _TOPIC:
            answer = _read(frame.payload, _Reply)
            if answer.status != "ok":
                raise BadAnswer(f"the join was refused: {answer.response.get('reason', '')}")
        return frame

    async def _keep_alive(self) -> None:
        with suppress(*LINE_ERRORS):  # whoever waits for the next frame is told
            while True:
                await asyncio.sleep(_HEARTBEAT_EVERY_S)
                await self._send("heartbeat", None, "phoenix", phoenix.EMPTY)

    async def _send(
        self, event: str, join_ref: str | None, topic: str, content: msgspec.Raw
    ) -> None:
        frame = phoenix.Frame(join_ref, _JOIN_REF, topic, event, content)
        await self._socket.send(phoenix.encode(frame, "2.0.0"), text=True)


class _Reply(msgspec.Struct):
    status: str
    response: dict[str, Any] = {}


class _System(msgspec.Struct):
    extension: str
    status: str
    message: str


class _Record(msgspec.Struct):
    client_msg_id: str = ""


class _Data(msgspec.Struct):
    record: _Record


class _Change(msgspec.Struct):
    data: _Data


def _read(content: msgspec.Raw, shape: type[_Payload]) -> _Payload:
    try:
        return msgspec.json.decode(content, type=shape)
    except msgspec.DecodeError as error:
        raise BadAnswer(f"a frame of another shape: {error}") from None


def _is_live(frame: phoenix.Frame) -> bool:
    if frame.event != "system":
        return False
    said = _read(frame.payload, _System)
    if said.status != "ok":
        raise BadAnswer(f"the channel stays mute: {said.message}")
    return said.extension == "postgres_changes"


def _join_payload(token: str) -> msgspec.Raw:
    binding = {
        "event": "INSERT",
        "schema": "public",
        "table": "messages",
        "filter": f"webinar_id=eq.{CANARY_ROOM}",
    }
    config = {"broadcast": {"ack": False}, "postgres_changes": [binding], "private": False}
    return phoenix.payload({"config": config, "access_token": token})
