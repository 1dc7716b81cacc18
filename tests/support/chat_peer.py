"""A member of a webinar on the wire: every frame as it came, every answer as it was.

Knows nothing of the canary or the emulated clients, so that a test may compare them with it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from harness.clock import monotonic_s
from harness.tokens import mint, mint_anon
from harness.wire.phoenix import EMPTY, Frame, decode, encode
from scenarios.server_process import ServerProcess
from tests.harness.server.builders import USER, join_frame, room_filter

WAIT_S = 20.0
ROOM = 42
TOPIC = f"realtime:webinar-{ROOM}"


@dataclass(frozen=True)
class Heard:
    """A frame, and when it came."""

    t_s: float
    frame: Frame

    @property
    def content(self) -> dict[str, object]:
        found: dict[str, object] = msgspec.json.decode(self.frame.payload)
        return found

    @property
    def row(self) -> str:
        """The ``client_msg_id`` of the row that it brings; empty where it brings none."""
        if self.frame.event != "postgres_changes":
            return ""
        return str(msgspec.json.decode(self.frame.payload)["data"]["record"]["client_msg_id"])


class Peer:
    """Sends and polls by :meth:`api`, and has sockets by :meth:`socket`."""

    def __init__(self, server: ServerProcess, secret: str) -> None:
        self.server = server
        self._secret = secret
        self._http = httpx.AsyncClient(
            base_url=f"http://{server.host}:{server.api_port}", timeout=WAIT_S, trust_env=False
        )

    def token(self, expires_in_s: int = 3600) -> str:
        now_s = int(time.time())
        return mint(
            self._secret,
            USER,
            webinars={"*": "attendee"},
            issued_at_unix_s=now_s - 3600,
            lifetime_s=3600 + expires_in_s,
        )

    async def send(
        self, client_msg_id: str, *, timeout_s: float = WAIT_S, expires_in_s: int = 3600
    ) -> httpx.Response:
        body = {"webinarId": ROOM, "clientMsgId": client_msg_id, "body": "hi"}
        headers = {"Authorization": f"Bearer {self.token(expires_in_s)}"}
        return await self._http.post(
            "/api/messages/create", json=body, headers=headers, timeout=timeout_s
        )

    async def poll(self, *, timeout_s: float = WAIT_S) -> list[str]:
        """The ``client_msg_id`` of every committed row, by id."""
        answer = await self._http.get(
            f"/api/messages?webinarId={ROOM}&limit=500",
            headers={"Authorization": f"Bearer {self.token()}"},
            timeout=timeout_s,
        )
        return [row["client_msg_id"] for row in answer.json()["messages"]]

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[PeerSocket]:
        key = mint_anon(self._secret, issued_at_unix_s=int(time.time()))
        host, port = self.server.host, self.server.realtime_port
        url = f"ws://{host}:{port}/realtime/v1/websocket?apikey={key}&vsn=2.0.0"
        async with connect(url, compression=None, ping_interval=None, proxy=None) as connection:
            socket = PeerSocket(connection, self.token())
            reading = asyncio.create_task(socket.read())
            try:
                yield socket
            finally:
                reading.cancel()
                await asyncio.wait({reading})

    async def close(self) -> None:
        await self._http.aclose()


class PeerSocket:
    """An open socket, and everything that it heard."""

    def __init__(self, connection: ClientConnection, token: str) -> None:
        self.heard: list[Heard] = []
        self.closed: ConnectionClosed | None = None
        self._connection = connection
        self._token = token
        self._news = asyncio.Event()

    async def read(self) -> None:
        try:
            async for text in self._connection:
                self.heard.append(Heard(monotonic_s(), decode(text, "2.0.0")))
                self._news.set()
            self.closed = ConnectionClosed(
                self._connection.protocol.close_rcvd, self._connection.protocol.close_sent
            )
        except ConnectionClosed as closed:
            self.closed = closed
        self._news.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Bounded: what does not come then never will."""
        async with asyncio.timeout(WAIT_S):
            while not holds():
                self._news.clear()
                await self._news.wait()

    async def join(self) -> Heard:
        """Ask to join; the answer."""
        frame = join_frame(room_filter(ROOM), topic=TOPIC, token=self._token)
        await self._connection.send(encode(frame, "2.0.0"), text=True)
        return await self.next(lambda h: (h.frame.event, h.frame.topic) == ("phx_reply", TOPIC))

    async def system(self) -> Heard:
        """``system ok``, after a join."""
        return await self.next(lambda h: h.frame.event == "system")

    async def live(self) -> None:
        """Join, until rows flow."""
        await self.join()
        await self.system()

    async def beat(self) -> Heard:
        """A heartbeat's answer."""
        frame = Frame(None, "99", "phoenix", "heartbeat", EMPTY)
        await self._connection.send(encode(frame, "2.0.0"), text=True)
        return await self.next(lambda h: h.frame.ref == "99")

    async def next(self, is_it: Callable[[Heard], bool]) -> Heard:
        """The first frame of the kind, whenever it came."""
        await self.until(lambda: any(map(is_it, self.heard)))
        return next(filter(is_it, self.heard))

    async def row(self, client_msg_id: str) -> Heard:
        return await self.next(lambda h: h.row == client_msg_id)

    @property
    def rows(self) -> list[str]:
        return [heard.row for heard in self.heard if heard.row]


def new_id() -> str:
    return str(uuid4())
