"""The canary against real sockets of this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from chaos.canary import CanarySettings, watch
from chaos.lines import Target
from harness.clock import monotonic_s
from harness.receipts import Probe
from tests.support.echo_servers import api_server, realtime_server

pytestmark = pytest.mark.e2e

SETTINGS = CanarySettings(
    api_key="a key",
    probe_period_s=0.01,
    connect_period_s=0.02,
    request_period_s=0.02,
    reconnect_after_s=0.01,
    open_timeout_s=0.3,
    request_timeout_s=0.3,
    answer_timeout_s=0.2,
    decided_after_s=0.1,
)
TOO_LONG_S = 10


class Watch:
    """A canary that runs until enough was seen."""

    def __init__(self, *targets: Target, settings: CanarySettings = SETTINGS) -> None:
        self.probes: list[Probe] = []
        self._targets = targets
        self._settings = settings
        self._news = asyncio.Event()

    def _sink(self, probe: Probe) -> None:
        self.probes.append(probe)
        self._news.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(
            watch(self._targets, self._settings, clock=monotonic_s, sink=self._sink)
        )
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def until(self, seen: Callable[[Counter[tuple[str, str]]], bool]) -> None:
        async with asyncio.timeout(TOO_LONG_S):
            while not seen(Counter((probe.kind, probe.outcome) for probe in self.probes)):
                self._news.clear()
                await self._news.wait()


def realtime(port: int) -> Target:
    return Target(proxy="a-realtime", side="realtime", host="127.0.0.1", port=port)


def api(port: int) -> Target:
    return Target(proxy="a-api", side="api", host="127.0.0.1", port=port)


async def _free_port() -> int:
    async with api_server() as port:
        return port


async def _healthy(links: int) -> list[Probe]:
    async with realtime_server() as ws, api_server(chunked=True) as http:
        settings = CanarySettings(api_key="k", probe_period_s=0.01, links=links)
        canary = Watch(realtime(ws), api(http), settings=settings)
        async with canary.running():
            await canary.until(
                lambda n: min(n["ws", "ok"], n["http", "ok"], n["connect", "ok"] * 10) >= 20
            )
    return canary.probes


@pytest.mark.parametrize("links", [1, 3])
def test_on_a_healthy_network_every_probe_is_answered(links: int) -> None:
    seen = asyncio.run(_healthy(links))
    assert {probe.outcome for probe in seen} == {"ok"}
    assert {(probe.proxy, probe.kind) for probe in seen} == {
        ("a-realtime", "ws"),
        ("a-realtime", "connect"),
        ("a-api", "http"),
    }
    assert all((probe.answered_s or 0) >= probe.sent_s for probe in seen)


def test_websockets_are_opened_anew_and_silence_is_kept_where_asked() -> None:
    async def scene() -> list[Probe]:
        settings = replace(
            SETTINGS,
            handshake_period_s=0.02,
            silent_s={"a-api": 0.3, "a-realtime": 0.2},
            silent_period_s=0.1,
        )
        async with realtime_server() as ws, api_server() as http:
            canary = Watch(realtime(ws), api(http), settings=settings)
            async with canary.running():
                await canary.until(
                    lambda n: min(n["handshake", "ok"], n["idle", "ok"] + n["idle", "error"]) >= 10
                )
        return canary.probes

    seen = asyncio.run(scene())
    assert {(probe.proxy, probe.outcome) for probe in seen if probe.kind == "handshake"} == {
        ("a-realtime", "ok")
    }
    assert ("a-api", "ok") in {(p.proxy, p.outcome) for p in seen if p.kind == "idle"}


def test_a_connection_that_ends_in_its_silence_is_told_as_closed_when_it_ends() -> None:
    async def scene() -> tuple[list[Probe], float]:
        settings = replace(SETTINGS, silent_s={"a-api": 60.0}, silent_period_s=60.0)
        async with _hanging_up_server(after_s=0.3) as port:
            canary = Watch(api(port), settings=settings)
            begun_s = monotonic_s()
            async with canary.running():
                await canary.until(lambda n: n["idle", "closed"] >= 1)
        return canary.probes, begun_s

    seen, begun_s = asyncio.run(scene())
    (ended, *_) = [probe for probe in seen if probe.kind == "idle"]
    assert ended.sent_s >= begun_s + 0.3


@asynccontextmanager
async def _hanging_up_server(after_s: float) -> AsyncIterator[int]:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await asyncio.sleep(after_s)
        finally:
            writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def test_a_closed_door_is_refused_and_found_again_when_it_opens() -> None:
    async def scene() -> None:
        port = await _free_port()
        canary = Watch(realtime(port))
        async with canary.running():
            await canary.until(lambda n: n["ws", "refused"] >= 2 and n["connect", "refused"] >= 2)
            async with realtime_server(port):
                await canary.until(lambda n: n["ws", "ok"] >= 3)

    asyncio.run(scene())


def test_probes_on_a_socket_that_goes_away_are_closed() -> None:
    async def scene() -> None:
        async with realtime_server() as port:
            canary = Watch(realtime(port))
            running = canary.running()
            await running.__aenter__()
            await canary.until(lambda n: n["ws", "ok"] >= 3)
        try:
            await canary.until(lambda n: n["ws", "closed"] >= 1 and n["ws", "refused"] >= 1)
        finally:
            await running.__aexit__(None, None, None)

    asyncio.run(scene())


@asynccontextmanager
async def _mute_server() -> AsyncIterator[int]:
    """Accepts, reads, and never says a word."""
    writers: list[asyncio.StreamWriter] = []

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(ConnectionError):
            while await reader.read(4096):
                pass

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await server.wait_closed()


def test_probes_go_out_without_waiting_for_the_answers_that_never_come() -> None:
    async def scene() -> list[Probe]:
        async with _mute_server() as port:
            canary = Watch(api(port), realtime(port))
            async with canary.running():
                await canary.until(
                    lambda n: n["http", "unanswered"] >= 10 and n["ws", "unanswered"] >= 1
                )
        return canary.probes

    seen = asyncio.run(scene())
    assert {p.outcome for p in seen if p.kind != "connect"} == {"unanswered"}
    assert all(p.outcome == "ok" for p in seen if p.kind == "connect")


def test_probes_still_open_at_the_end_are_told_only_if_they_are_old() -> None:
    async def scene(decided_after_s: float) -> list[Probe]:
        settings = CanarySettings(
            api_key="k", probe_period_s=0.01, decided_after_s=decided_after_s, request_period_s=60
        )
        async with _mute_server() as port:
            canary = Watch(api(port), settings=settings)
            async with canary.running():
                await asyncio.sleep(0.1)
        return canary.probes

    assert {probe.outcome for probe in asyncio.run(scene(0))} == {"unanswered"}
    assert asyncio.run(scene(60)) == []
