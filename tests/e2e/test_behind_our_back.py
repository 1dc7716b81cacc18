"""A planned fault that never really happened, whoever is to blame, makes the run invalid."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.install import ToxiproxySettings, find_toxiproxy
from chaos.toxiproxy.model import Proxy, Toxic
from chaos.toxiproxy.process import free_port
from harness.errors import RigError
from tests.support.runs import CHATQUAKE, QUICK, Finished, RunningRun

pytestmark = pytest.mark.e2e

SILENT = ["--set", "faults.block.kind=half_open"]
WITHIN_S = 20.0
Meddle = Callable[[ToxiproxyClient], Awaitable[None]]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningRun]:
    run = start(tmp_path)
    yield run
    run.clean_up()


def start(folder: Path) -> RunningRun:
    out = folder / "run"
    return RunningRun([*CHATQUAKE, "run", str(QUICK), *SILENT, "--out", str(out)], out)


def in_fault(run: RunningRun) -> psutil.Process:
    """Toxiproxy's process of a run whose fault is on."""
    run.wait_for("block is on")
    return run.family()["toxiproxy"]


def api_of(process: psutil.Process) -> ToxiproxyClient:
    command = process.cmdline()
    return ToxiproxyClient(f"http://127.0.0.1:{command[command.index('-port') + 1]}")


def reasons(end: Finished) -> str:
    """Why the run is invalid; and that it is, with nothing left behind."""
    assert end.code == 3, end.output
    verdict: dict[str, Any] = json.loads((end.out / "verdict.json").read_text())
    assert verdict["verdict"] == "invalid"
    return json.dumps(verdict)


async def _remove_the_proxy(api: ToxiproxyClient) -> None:
    await api.delete("chrome-realtime")


async def _remove_the_toxics(api: ToxiproxyClient) -> None:
    for toxic in (await api.proxies())["chrome-realtime"].toxics:
        await api.remove_toxic("chrome-realtime", toxic.name)


async def _hit_the_api_too(api: ToxiproxyClient) -> None:
    for toxic in (await api.proxies())["chrome-realtime"].toxics:
        await api.add_toxic("chrome-api", toxic)


@pytest.mark.parametrize(
    ("meddle", "words"),
    [
        (_remove_the_proxy, "chrome-realtime"),
        (_remove_the_toxics, "chrome-realtime"),
        (_hit_the_api_too, "chrome-api was hit too"),
    ],
    ids=["the proxy is removed", "the toxics are removed", "others are hit"],
)
def test_a_fault_that_somebody_changes_in_its_middle_is_no_fault(
    running: RunningRun, meddle: Meddle, words: str
) -> None:
    async def go() -> None:
        async with api_of(in_fault(running)) as api:
            await meddle(api)

    in_fault(running)
    asyncio.run(go())
    end = running.wait()
    assert words in reasons(end)
    assert running.left_behind() == []


def test_a_toxiproxy_that_stands_still_makes_the_run_invalid(running: RunningRun) -> None:
    toxiproxy = in_fault(running)
    toxiproxy.suspend()
    running.wait_for("Toxiproxy is gone")
    toxiproxy.resume()
    assert "Toxiproxy is gone" in reasons(running.wait())
    assert running.left_behind() == []


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[psutil.Popen, str]]:
    """A Toxiproxy that is not the run's own, with a proxy that is not the run's."""
    found = find_toxiproxy(ToxiproxySettings(), lambda _: None)
    assert found.path is not None
    port = free_port()
    with (tmp_path / "theirs.log").open("wb") as log:
        server = psutil.Popen([str(found.path), "-port", str(port)], stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("CHATQUAKE_TOXIPROXY", url)
    try:
        _until(lambda: _proxies(url) == set())
        asyncio.run(_create_theirs(url))
        yield server, url
    finally:
        server.kill()
        server.wait()


async def _create_theirs(url: str) -> None:
    async with ToxiproxyClient(url) as api:
        await api.create(Proxy(name="theirs", listen="127.0.0.1:0", upstream="127.0.0.1:9"))
        toxic = Toxic(name="slow", type="latency", stream="upstream", attributes={"latency": 9})
        await api.add_toxic("theirs", toxic)


def _proxies(url: str) -> set[str] | None:
    async def ask() -> set[str]:
        async with ToxiproxyClient(url) as api:
            return set(await api.proxies())

    try:
        return asyncio.run(ask())
    except RigError:  # it is not there yet
        return None


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


Foreign = tuple[psutil.Popen, str]


def test_somebody_else_s_toxiproxy_that_dies_is_noticed_at_once(
    foreign: Foreign, tmp_path: Path
) -> None:
    server, _ = foreign
    run = start(tmp_path)
    try:
        run.wait_for("block is on")
        server.kill()
        run.wait_for("Toxiproxy is gone", within_s=10)
        assert "Toxiproxy is gone" in reasons(run.wait())
        assert run.left_behind() == []
    finally:
        run.clean_up()


def test_a_killed_conductor_leaves_somebody_else_s_toxiproxy_as_it_was(
    foreign: Foreign, tmp_path: Path
) -> None:
    _, url = foreign
    run = start(tmp_path)
    try:
        run.wait_for("block is on")
        assert _proxies(url) == {"theirs", "chrome-api", "chrome-realtime"}
        os.kill(run.family()["conductor"].pid, signal.SIGKILL)
        assert run.wait().code == 3
        _until(lambda: _proxies(url) == {"theirs"})
        assert run.left_behind() == []
    finally:
        run.clean_up()
