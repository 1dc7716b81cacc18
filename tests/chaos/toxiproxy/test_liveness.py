from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.liveness import toxiproxy_gone
from chaos.toxiproxy.model import Proxy
from chaos.toxiproxy.process import ToxiproxyProcess, start_toxiproxy

pytestmark = pytest.mark.e2e

WITHIN_S = 20.0
Harm = Callable[[ToxiproxyProcess, ToxiproxyClient], Awaitable[None]]


async def _kill(process: ToxiproxyProcess, _: ToxiproxyClient) -> None:
    os.kill(process.pid, signal.SIGKILL)


async def _suspend(process: ToxiproxyProcess, _: ToxiproxyClient) -> None:
    os.kill(process.pid, signal.SIGSTOP)


async def _remove(_: ToxiproxyProcess, api: ToxiproxyClient) -> None:
    await api.delete("b")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_kill, "Toxiproxy is gone: Toxiproxy at http://127.0.0.1:"),
        (_suspend, "did not tell its version: no answer in time"),
        (_remove, "proxy b is gone from Toxiproxy; somebody has removed it"),
    ],
    ids=["killed", "suspended", "a proxy removed"],
)
def test_what_is_no_longer_there_is_named(
    toxiproxy_binary: Path, tmp_path: Path, harm: Harm, words: str
) -> None:
    async def scene() -> str:
        async with (
            await start_toxiproxy(toxiproxy_binary, tmp_path / "log") as process,
            ToxiproxyClient(process.url, timeout_s=0.5) as api,
        ):
            for name in ("a", "b"):
                await api.create(Proxy(name=name, listen="127.0.0.1:0", upstream="127.0.0.1:9"))
            watching = asyncio.create_task(toxiproxy_gone(api, ["a", "b"]))
            done, _ = await asyncio.wait({watching}, timeout=1.5)
            assert not done
            await harm(process, api)
            try:
                return await asyncio.wait_for(watching, WITHIN_S)
            finally:
                if harm is _suspend:
                    os.kill(process.pid, signal.SIGCONT)

    assert words in asyncio.run(scene())
