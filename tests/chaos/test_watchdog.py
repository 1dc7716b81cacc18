from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.model import Proxy, Toxic
from chaos.toxiproxy.process import free_port, start_toxiproxy

pytestmark = pytest.mark.e2e

WITHIN_S = 20.0
STALL = Toxic(name="held", type="bandwidth", stream="upstream", attributes={"rate": 0})


async def _with_proxies(
    binary: Path, log: Path, use: Callable[[str, ToxiproxyClient], Awaitable[None]]
) -> None:
    async with await start_toxiproxy(binary, log) as server, ToxiproxyClient(server.url) as api:
        for name in ("ours-api", "ours-realtime", "theirs"):
            await api.create(Proxy(name=name, listen="127.0.0.1:0", upstream="127.0.0.1:9"))
            await api.add_toxic(name, STALL)
        await use(server.url, api)


def test_a_parent_that_is_killed_leaves_no_proxy_of_its_own_and_those_of_others_alone(
    toxiproxy_binary: Path, tmp_path: Path
) -> None:
    async def use(url: str, api: ToxiproxyClient) -> None:
        code = (
            "import subprocess, sys, time\n"
            f"dog = [sys.executable, '-m', 'chaos.watchdog', {url!r}]\n"
            "dog += ['ours-api', 'ours-realtime']\n"
            "child = subprocess.Popen(dog, stdin=subprocess.PIPE)\n"
            "print(child.pid, flush=True)\n"
            "time.sleep(600)\n"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
            assert parent.stdout is not None
            parent.stdout.readline()
            assert len(await api.proxies()) == 3
            parent.kill()
        async with asyncio.timeout(WITHIN_S):
            while len(await api.proxies()) > 1:
                await asyncio.sleep(0.05)
        (left,) = (await api.proxies()).values()
        assert (left.name, left.toxics) == ("theirs", (STALL,))

    asyncio.run(_with_proxies(toxiproxy_binary, tmp_path / "log", use))


def _watchdog(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "chaos.watchdog", *arguments]
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )


def test_what_is_already_gone_is_no_error(toxiproxy_binary: Path, tmp_path: Path) -> None:
    async def use(url: str, api: ToxiproxyClient) -> None:
        ended = await asyncio.to_thread(_watchdog, url, "gone", "ours-api")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert set(await api.proxies()) == {"ours-realtime", "theirs"}

    asyncio.run(_with_proxies(toxiproxy_binary, tmp_path / "log", use))


def test_a_toxiproxy_that_does_not_answer_is_said_in_one_line() -> None:
    ended = _watchdog(f"http://127.0.0.1:{free_port()}", "ours-api")
    assert ended.returncode == 1
    assert ended.stderr.startswith("watchdog: Toxiproxy at http://127.0.0.1:")
    assert ended.stderr.count("\n") == 1


def test_it_wants_a_url_and_names() -> None:
    assert _watchdog("http://127.0.0.1:1").returncode == 2
