"""A real server process for tests, and a plain client of its Realtime port."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

import httpx
from websockets.sync.client import ClientConnection, connect

from harness.tokens import mint_anon
from harness.wire.phoenix import Frame, Vsn, decode, encode
from tests.harness.server.builders import SECRET, UNIX_START_S, user_token

WAIT_S = 10.0
"""After this something that should have come never will."""


class Server:
    """A running server; its tokens hold now."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        ports = json.loads(process.stdout.readline())
        self.realtime_port: int = ports["realtime_port"]
        self.api_url = f"http://127.0.0.1:{ports['api_port']}"
        self.admin_url = f"http://127.0.0.1:{ports['admin_port']}"
        self._http = httpx.Client(trust_env=False)

    def post(self, body: str = "hi", number: int = 0, room: int = 42) -> httpx.Response:
        return self._http.post(
            f"{self.api_url}/api/messages/create",
            json={"webinarId": room, "clientMsgId": message_id(number), "body": body},
            headers={"Authorization": f"Bearer {token()}"},
        )

    def admin(self, path: str) -> list[Any]:
        """The JSON lines of an admin route."""
        text = self._http.get(f"{self.admin_url}{path}").text
        return [json.loads(line) for line in text.splitlines()]

    def realtime_url(self, vsn: str = "2.0.0", key: str | None = None) -> str:
        key = mint_anon(SECRET, issued_at_unix_s=int(time.time())) if key is None else key
        where = f"ws://127.0.0.1:{self.realtime_port}/realtime/v1/websocket"
        return f"{where}?apikey={key}&vsn={vsn}"

    def close(self) -> None:
        self._http.close()

    def wait(self) -> int:
        return self.process.wait(WAIT_S)


def token(lifetime_s: int = 3600) -> str:
    return user_token(begins_s=int(time.time()) - UNIX_START_S, lifetime_s=lifetime_s)


def message_id(number: int) -> str:
    return f"22222222-2222-4222-8222-{number:012d}"


def start(
    database: Path | str, *options: str, stderr: int | IO[str] = subprocess.PIPE
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "harness.server", "--database", str(database), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        env={**os.environ, "CHATQUAKE_JWT_SECRET": SECRET},
    )


@contextmanager
def running(
    database: Path | str, *options: str, stderr: int | IO[str] = subprocess.PIPE
) -> Iterator[Server]:
    """A server with ``options`` that is gone at the end.

    One that will complain a lot needs a file as ``stderr``: nobody reads the pipe meanwhile.
    """
    with start(database, *options, stderr=stderr) as process:
        try:
            with closing(Server(process)) as server:
                yield server
        finally:
            process.kill()


class Socket:
    """One Realtime connection."""

    def __init__(self, connection: ClientConnection, vsn: Vsn) -> None:
        self.connection = connection
        self._vsn: Vsn = vsn

    def send(self, frame: Frame) -> None:
        self.connection.send(encode(frame, self._vsn).decode())

    def receive(self) -> Frame:
        return decode(self.connection.recv(WAIT_S), self._vsn)

    def events(self, count: int) -> list[str]:
        return [self.receive().event for _ in range(count)]


@contextmanager
def socket(server: Server, vsn: Vsn = "2.0.0", **options: Any) -> Iterator[Socket]:
    with connect(server.realtime_url(vsn), compression=None, **options) as connection:
        yield Socket(connection, vsn)
