"""The reference server as a child."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal, cast

import httpx
import msgspec
import psutil
import pytest
from websockets.asyncio.client import connect as async_connect
from websockets.sync.client import connect

from harness.commitlog import Subscription
from harness.errors import RigError
from harness.server.realtime.subscription_log import BLOCK_LINES
from harness.tokens import mint, mint_anon
from harness.wire.phoenix import decode, encode
from scenarios import server_process as module
from scenarios.server_process import last_line, reference_server
from tests.harness.server.builders import USER, join_frame, room_filter

SECRET = "a-secret-of-at-least-thirty-two-bytes"
WITHIN_S = 30.0
CHANNELS = 50


class FakeChild:
    """A child that has said ``said`` and, where ``ended``, will say no more."""

    def __init__(self, said: bytes, *, ended: bool) -> None:
        self.stdout = asyncio.StreamReader()
        self.stdout.feed_data(said)
        if ended:
            self.stdout.feed_eof()


def ready(log: Path, said: bytes = b"", *, ended: bool = False) -> Any:
    async def ask() -> Any:
        child = cast(Any, FakeChild(said, ended=ended))
        return await module._ready(child, log)

    return asyncio.run(ask())


@pytest.fixture
def log(tmp_path: Path) -> Path:
    log = tmp_path / "server.log"
    log.touch()
    return log


def test_a_server_is_ready_when_it_tells_its_ports(log: Path) -> None:
    ports = ready(log, b'{"api_port":3000,"realtime_port":4000,"admin_port":4100}\n')

    assert (ports.api_port, ports.realtime_port, ports.admin_port) == (3000, 4000, 4100)


def test_a_server_that_ends_before_it_is_ready_is_one_line_with_its_last_word(log: Path) -> None:
    log.write_text("Traceback …\n  somewhere\nport 3000 is taken\n\n")

    with pytest.raises(RigError) as error:
        ready(log, ended=True)

    assert str(error.value) == "the reference server did not start: port 3000 is taken"


def test_a_server_that_is_never_ready_is_one_line_with_its_log(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READY_WITHIN_S", 0.0)

    with pytest.raises(RigError) as error:
        ready(log)

    assert str(error.value) == f"the reference server was not ready within 0 s; see {log}"


def test_the_last_line_that_says_something_is_found_whatever_the_bytes(log: Path) -> None:
    assert last_line(log) == f"it said nothing (see {log})"
    log.write_bytes(b"first\nlast \xff word\n  \n")
    assert last_line(log) == "last � word"


@pytest.mark.e2e
def test_a_running_server_answers_and_is_gone_afterwards(tmp_path: Path) -> None:
    async def scene() -> int:
        database, log = tmp_path / "chat.sqlite", tmp_path / "server.log"
        async with reference_server(database, log, jwt_secret=SECRET) as server:
            stats = await server.stats()
            assert stats.connections == 0
            assert stats.rss_bytes > 0
            assert await server.commits() == b""
            assert await server.subscriptions() == b""
            pid: int = server._child.pid
            return pid

    assert not psutil.pid_exists(asyncio.run(scene()))


@pytest.mark.e2e
def test_the_log_of_subscriptions_comes_whole_however_long_it_is(tmp_path: Path) -> None:
    rooms = BLOCK_LINES // 2 + 1  # each has two lines at least

    async def scene() -> list[Subscription]:
        database, log = tmp_path / "chat.sqlite", tmp_path / "server.log"
        async with reference_server(database, log, jwt_secret=SECRET) as server:
            await asyncio.to_thread(_join_and_go, server.realtime_port, range(1, rooms + 1))
            async with asyncio.timeout(WITHIN_S):
                lines: list[bytes] = []
                while len(lines) < 2 * rooms:
                    await asyncio.sleep(0.05)
                    lines = (await server.subscriptions()).splitlines()
        return [msgspec.json.decode(line, type=Subscription) for line in lines]

    told = asyncio.run(scene())

    for what in ("joined", "lost"):
        rooms_told = [one.webinar_id for one in told if one.what == what]
        assert sorted(filter(None, rooms_told)) == list(range(1, rooms + 1))


def _join_and_go(port: int, rooms: range) -> None:
    """Sockets join every room, as many as one may, and end."""
    now = int(time.time())
    key = mint_anon(SECRET, issued_at_unix_s=now)
    token = mint(SECRET, USER, webinars={"*": "attendee"}, issued_at_unix_s=now)
    url = f"ws://127.0.0.1:{port}/realtime/v1/websocket?apikey={key}&vsn=2.0.0"
    for begin in rooms[::CHANNELS]:
        some = range(begin, min(begin + CHANNELS, rooms.stop))
        with connect(url, compression=None, proxy=None) as socket:
            for room in some:
                frame = join_frame(
                    room_filter(room), topic=f"realtime:webinar-{room}", ref=str(room), token=token
                )
                socket.send(encode(frame, "2.0.0").decode())
            replies = 0
            while replies < len(some):
                replies += decode(socket.recv(WITHIN_S), "2.0.0").event == "phx_reply"


@pytest.mark.e2e
def test_a_server_that_cannot_open_its_database_is_one_line_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    async def scene() -> None:
        database, log = tmp_path / "no" / "such" / "folder" / "chat.sqlite", tmp_path / "server.log"
        async with reference_server(database, log, jwt_secret=SECRET):
            raise AssertionError("it started")

    before = set(psutil.Process().children())
    with pytest.raises(RigError) as error:
        asyncio.run(scene())

    said = str(error.value)
    assert said.startswith("the reference server did not start: ")
    assert "chat.sqlite" in said
    assert "\n" not in said
    assert set(psutil.Process().children()) <= before


@pytest.mark.e2e
def test_a_server_that_is_killed_says_how_it_ended_and_can_still_be_stopped(
    tmp_path: Path,
) -> None:
    async def scene() -> str:
        database, log = tmp_path / "chat.sqlite", tmp_path / "server.log"
        async with reference_server(database, log, jwt_secret=SECRET) as server:
            os.kill(server._child.pid, signal.SIGKILL)
            said = await asyncio.wait_for(server.ended(), WITHIN_S)
            with pytest.raises(httpx.HTTPError):
                await server.commits()
            return said

    said = asyncio.run(scene())
    assert said.startswith("the reference server ended with code -9: ")
    assert "\n" not in said


@pytest.mark.e2e
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_server_that_was_meant_to_end_comes_back_where_it_was_with_all_its_logs(
    tmp_path: Path, how: Literal["stop", "kill"]
) -> None:
    async def scene() -> list[Subscription]:
        database, log = tmp_path / "chat.sqlite", tmp_path / "server.log"
        async with reference_server(database, log, jwt_secret=SECRET) as server:
            ports = server.api_port, server.realtime_port
            ended = asyncio.create_task(server.ended())
            async with _joined(server.realtime_port):
                await server.take_down(how)
                for port in ports:  # nobody else can have them meanwhile
                    with pytest.raises(OSError, match="in use"), socket.socket() as other:
                        other.bind(("127.0.0.1", port))
                await server.bring_up()
                assert (server.api_port, server.realtime_port) == ports
                assert server.starts == 2
            async with _joined(server.realtime_port):
                told = (await server.subscriptions()).splitlines()
            assert not ended.done()
            os.kill(server._child.pid, signal.SIGKILL)
            assert "code -9" in await asyncio.wait_for(ended, WITHIN_S)
        return [msgspec.json.decode(line, type=Subscription) for line in told]

    told = [one.what for one in asyncio.run(scene()) if one.what != "live"]
    assert told == ["joined", "lost", "joined"]


@pytest.mark.e2e
def test_a_server_without_its_log_is_not_taken_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene() -> None:
        database, log = tmp_path / "chat.sqlite", tmp_path / "server.log"
        async with reference_server(database, log, jwt_secret=SECRET) as server:

            async def unreadable() -> bytes:
                raise httpx.ReadTimeout("")

            with monkeypatch.context() as patched:
                patched.setattr(server, "_lines", lambda _: unreadable())
                with pytest.raises(RigError, match="cannot be read before its end: ReadTimeout"):
                    await server.take_down("kill")
            assert (await server.switches()).defects == frozenset()

    asyncio.run(scene())


@asynccontextmanager
async def _joined(port: int) -> AsyncIterator[None]:
    now = int(time.time())
    key = mint_anon(SECRET, issued_at_unix_s=now)
    token = mint(SECRET, USER, webinars={"*": "attendee"}, issued_at_unix_s=now)
    url = f"ws://127.0.0.1:{port}/realtime/v1/websocket?apikey={key}&vsn=2.0.0"
    async with async_connect(url, compression=None, proxy=None) as joined:
        await joined.send(encode(join_frame(room_filter(), token=token), "2.0.0").decode())
        while decode(await joined.recv(), "2.0.0").event != "system":
            pass
        yield


@pytest.mark.e2e
def test_a_server_that_does_not_stop_when_asked_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_WITHIN_S", 0.1)

    async def scene() -> int:
        database, log = tmp_path / "chat.sqlite", tmp_path / "server.log"
        async with reference_server(database, log, jwt_secret=SECRET) as server:
            pid: int = server._child.pid
            os.kill(pid, signal.SIGSTOP)
            return pid

    assert not psutil.pid_exists(asyncio.run(scene()))
