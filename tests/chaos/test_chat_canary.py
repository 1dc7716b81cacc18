"""The canary in the chat itself, against the real server."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chaos.chat_canary import CHAT_PROBES, ChatCanarySettings, watch_chat
from chaos.chat_lines import ChatServer
from chaos.faults.server.switches import Switches
from harness.clock import monotonic_s
from harness.receipts import Probe, ProbeKind
from harness.tokens import mint_anon
from scenarios.server_process import ServerProcess, reference_server

pytestmark = pytest.mark.e2e

SECRET = "a-secret-of-at-least-thirty-two-bytes"
TOO_LONG_S = 20
SETTINGS = ChatCanarySettings(
    kinds=CHAT_PROBES,
    run_id="a run",
    send_period_s=0.05,
    poll_period_s=0.05,
    join_period_s=0.1,
    clock_period_s=0.1,
    send_timeout_s=0.5,
    row_timeout_s=1.0,
    poll_timeout_s=0.5,
    decided_after_s=0.2,
)


class Scene:
    """A server with a canary, and what that has told."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.probes: list[Probe] = []
        self._news = asyncio.Event()

    def hear(self, probe: Probe) -> None:
        self.probes.append(probe)
        self._news.set()

    @property
    def told(self) -> Counter[tuple[str, str]]:
        return Counter((probe.kind, probe.outcome) for probe in self.probes)

    async def turn(self, *defects: str, **knobs: Any) -> float:
        """Turn the switches and forget what was told before; when."""
        now = await self.server.switches()
        await self.server.turn(Switches(knobs={**now.knobs, **knobs}, defects=frozenset(defects)))
        self.probes.clear()
        return monotonic_s()

    async def until(self, *seen: tuple[str, str], times: int = 3) -> None:
        await self.until_true(lambda: all(self.told[each] >= times for each in seen))

    async def until_true(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(TOO_LONG_S):
            while not holds():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def scene(folder: Path, settings: ChatCanarySettings = SETTINGS) -> AsyncIterator[Scene]:
    log = folder / "server.log"
    async with reference_server(folder / "chat.sqlite", log, jwt_secret=SECRET) as server:
        here = Scene(server)
        chat = ChatServer(
            host=server.host,
            api_port=server.api_port,
            realtime_port=server.realtime_port,
            api_key=mint_anon(SECRET, issued_at_unix_s=int(time.time())),
            jwt_secret=SECRET,
            unix_s=time.time,
        )
        canary = asyncio.create_task(watch_chat(chat, settings, clock=monotonic_s, sink=here.hear))
        try:
            yield here
        finally:
            canary.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await canary


def asked(*kinds: ProbeKind) -> ChatCanarySettings:
    return replace(SETTINGS, kinds=frozenset(kinds))


def test_on_a_server_that_is_well_every_probe_is_answered(tmp_path: Path) -> None:
    async def run() -> Counter[tuple[str, str]]:
        async with scene(tmp_path) as here:
            await here.until(*((kind, "ok") for kind in CHAT_PROBES), times=5)
            return here.told

    assert {outcome for _, outcome in asyncio.run(run())} == {"ok"}


def test_nothing_is_written_where_no_probe_needs_it(tmp_path: Path) -> None:
    async def run() -> bytes:
        async with scene(tmp_path, asked("join", "poll", "clock")) as here:
            await here.until(("join", "ok"), ("poll", "ok"), ("clock", "ok"))
            assert {kind for kind, _ in here.told} == {"join", "poll", "clock"}
            return await here.server.commits()

    assert asyncio.run(run()) == b""


def test_a_mute_channel_is_told_by_the_rows_alone_and_heals(tmp_path: Path) -> None:
    async def run() -> None:
        async with scene(tmp_path, asked("send", "row", "join")) as here:
            await here.until(("row", "ok"))
            muted_s = await here.turn("mute", poll_interval_s=0)
            await here.until(("row", "unanswered"), ("send", "ok"), ("join", "ok"))
            healed_s = await here.turn(poll_interval_s=0)
            await here.until(("row", "ok"))
            lost = [p for p in here.probes if (p.kind, p.outcome) == ("row", "unanswered")]
            assert all(muted_s - 1 < p.sent_s < healed_s for p in lost)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("defect", "outcome"), [("hang-create", "unanswered"), ("error-burst", "error")]
)
def test_a_send_that_commits_nothing_says_nothing_of_its_row(
    tmp_path: Path, defect: str, outcome: str
) -> None:
    async def run() -> None:
        async with scene(tmp_path, asked("send", "row")) as here:
            await here.until(("row", "ok"))
            begun_s = await here.turn(defect, strike_all="error-burst")
            await here.until(("send", outcome), times=30)
            assert [p for p in here.probes if p.kind == "row" and p.sent_s > begun_s] == []

    asyncio.run(run())


def test_an_answer_of_another_shape_is_an_error_with_its_words_though_the_row_comes(
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async with scene(tmp_path, asked("send", "row")) as here:
            begun_s = await here.turn("html-error", strike_all="html-error")
            await here.until(("send", "error"))
            await here.until_true(
                lambda: any(p.kind == "row" and p.sent_s > begun_s for p in here.probes)
            )
            error = next(p for p in here.probes if p.outcome == "error")
            assert error.detail.startswith("BadAnswer: 502: <html>")

    asyncio.run(run())


@pytest.mark.parametrize("skew_s", [60, -60])
def test_a_wrong_clock_is_an_error_of_the_clock_probe_alone(tmp_path: Path, skew_s: int) -> None:
    async def run() -> None:
        async with scene(tmp_path) as here:
            await here.until(("row", "ok"))
            await here.turn(clock_skew_s=skew_s)
            await here.until(("clock", "error"), ("send", "ok"), ("join", "ok"), ("poll", "ok"))
            assert {kind for kind, outcome in here.told if outcome == "error"} == {"clock"}

    asyncio.run(run())


def test_the_channel_is_joined_again_after_a_restart(tmp_path: Path) -> None:
    async def run() -> None:
        async with scene(tmp_path, asked("send", "row", "join")) as here:
            await here.until(("row", "ok"))
            await here.server.take_down("kill")
            await here.until(("send", "refused"), ("join", "refused"))
            await here.server.bring_up()
            here.probes.clear()
            await here.until(("row", "ok"), ("join", "ok"))

    asyncio.run(run())


def test_what_is_open_at_the_end_is_told_only_if_it_is_old(tmp_path: Path) -> None:
    async def run(decided_after_s: float) -> Counter[tuple[str, str]]:
        patient = replace(
            asked("send", "row"),
            send_timeout_s=60,
            row_timeout_s=60,
            decided_after_s=decided_after_s,
        )
        async with scene(tmp_path, patient) as here:
            await here.until(("row", "ok"))
            await here.turn("mute", poll_interval_s=0)
            await here.until(("send", "ok"), times=10)
        return here.told

    assert asyncio.run(run(0))["row", "unanswered"] > 0
    assert asyncio.run(run(60))["row", "unanswered"] == 0
