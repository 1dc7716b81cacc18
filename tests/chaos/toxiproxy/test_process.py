from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.process import free_port, start_toxiproxy
from harness.errors import RigError

pytestmark = pytest.mark.e2e

WITHIN_S = 20.0


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        yield held.getsockname()[1]


def script(folder: Path, text: str) -> Path:
    path = folder / "toxiproxy-server"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_started_server_answers_and_is_gone_after_its_context(
    toxiproxy_binary: Path, tmp_path: Path
) -> None:
    async def use() -> tuple[str, int]:
        async with await start_toxiproxy(toxiproxy_binary, tmp_path / "log") as server:
            assert psutil.Process(server.pid).is_running()
            async with ToxiproxyClient(server.url) as client:
                return await client.version(), server.pid

    version, pid = asyncio.run(use())
    assert version
    assert not psutil.pid_exists(pid)


def test_a_ctrl_c_in_our_terminal_does_not_reach_the_server(
    toxiproxy_binary: Path, tmp_path: Path
) -> None:
    async def session() -> int:
        async with await start_toxiproxy(toxiproxy_binary, tmp_path / "log") as server:
            return os.getsid(server.pid)

    assert asyncio.run(session()) != os.getsid(0)


def test_another_port_is_tried_when_one_is_taken(toxiproxy_binary: Path, tmp_path: Path) -> None:
    async def url_after(ports: list[int]) -> str:
        async with await start_toxiproxy(
            toxiproxy_binary, tmp_path / "log", pick_port=ports.pop
        ) as server:
            return server.url

    with taken_port() as taken:
        free = free_port()
        assert asyncio.run(url_after([free, taken])) == f"http://127.0.0.1:{free}"


def test_a_toxiproxy_that_already_holds_the_port_is_not_taken_for_ours(
    toxiproxy_binary: Path, tmp_path: Path
) -> None:
    async def urls() -> tuple[str, str]:
        async with await start_toxiproxy(toxiproxy_binary, tmp_path / "a") as first:
            ports = [free_port(), int(first.url.rpartition(":")[2])]
            async with await start_toxiproxy(
                toxiproxy_binary, tmp_path / "b", pick_port=ports.pop
            ) as second:
                return first.url, second.url

    first, second = asyncio.run(urls())
    assert first != second


def test_it_gives_up_when_every_port_is_taken(toxiproxy_binary: Path, tmp_path: Path) -> None:
    with taken_port() as taken, pytest.raises(RigError, match=r"5 ports .* taken.*in use"):
        asyncio.run(start_toxiproxy(toxiproxy_binary, tmp_path / "log", pick_port=lambda: taken))


def test_a_binary_that_ends_is_reported_with_its_last_lines(tmp_path: Path) -> None:
    broken = script(tmp_path, "echo no such flag >&2; exit 3")
    with pytest.raises(RigError, match=r"ended with code 3.*no such flag"):
        asyncio.run(start_toxiproxy(broken, tmp_path / "log"))


def test_a_binary_that_never_listens_is_ended_and_reported(tmp_path: Path) -> None:
    deaf = script(tmp_path, "echo $$; exec sleep 600")
    with pytest.raises(RigError, match=r"not ready in 0\.5 s"):
        asyncio.run(start_toxiproxy(deaf, tmp_path / "log", ready_within_s=0.5))
    assert not psutil.pid_exists(int((tmp_path / "log").read_text()))


def test_a_server_that_dies_says_so_unasked(toxiproxy_binary: Path, tmp_path: Path) -> None:
    async def die() -> tuple[int, bool]:
        async with await start_toxiproxy(toxiproxy_binary, tmp_path / "log") as server:
            os.kill(server.pid, signal.SIGKILL)
            ended = await server.ended()
            return ended.exit_code, ended.asked

    assert asyncio.run(die()) == (128 + signal.SIGKILL, False)


def test_a_stopped_server_ended_as_asked_and_can_be_stopped_again(
    toxiproxy_binary: Path, tmp_path: Path
) -> None:
    async def stop_twice() -> tuple[int, bool]:
        server = await start_toxiproxy(toxiproxy_binary, tmp_path / "log")
        await server.stop()
        await server.stop()
        ended = await server.ended()
        return ended.exit_code, ended.asked

    assert asyncio.run(stop_twice()) == (0, True)


def test_a_server_does_not_outlive_the_kill_of_its_user(
    toxiproxy_binary: Path, tmp_path: Path
) -> None:
    user = f"""
import asyncio
from pathlib import Path
from chaos.toxiproxy.process import start_toxiproxy

async def main():
    server = await start_toxiproxy(Path({str(toxiproxy_binary)!r}), Path({str(tmp_path / "log")!r}))
    print(server.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", user], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        server = psutil.Process(int(process.stdout.readline()))
        process.kill()
        server.wait(WITHIN_S)
        assert not server.is_running()
