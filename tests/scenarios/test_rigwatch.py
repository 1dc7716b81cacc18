"""The samples of the rig's own processes, on a clock that the test moves."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import psutil
import pytest

from harness.recorder import BlockBuffer, RecordFile, read_record
from harness.records import RigSample
from scenarios import rigwatch as module
from scenarios.rigwatch import PERIOD_S, watch_rig
from scenarios.server_process import ServerStats
from tests.support.fake_runtime import ManualClock

_sleep = asyncio.sleep


class FakeServer:
    """Answers with what the test lists, one a call; ends the watch after the last."""

    def __init__(self, *answers: ServerStats | httpx.HTTPError, starts: str = "") -> None:
        self._answers = list(answers)
        self._starts = list(starts)
        self.starts = 1

    async def stats(self) -> ServerStats:
        if not self._answers:
            raise asyncio.CancelledError
        answer = self._answers.pop(0)
        self.starts = int(self._starts.pop(0)) if self._starts else 1
        if isinstance(answer, httpx.HTTPError):
            raise answer
        return answer


def stats(cpu_s: float, loop_lag_s: float = 0.01, cpu_wait_s: float | None = None) -> ServerStats:
    return ServerStats(
        cpu_s=cpu_s,
        loop_lag_s=loop_lag_s,
        rss_bytes=5_000_000,
        open_fds=20,
        connections=3,
        slow_readers_dropped=0,
        cpu_wait_s=cpu_wait_s,
    )


Watch = Callable[..., list[RigSample]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> Watch:
    """Watch to the server's last answer; timers fire ``late_s`` late. Returns what was recorded."""

    def _watch(
        server: FakeServer,
        pids: dict[str, int] | None = None,
        late_s: float = 0.0,
    ) -> list[RigSample]:
        async def sleep(delay_s: float) -> None:
            clock.now_s += delay_s + late_s
            await _sleep(0)

        monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=sleep))
        buffer, path = BlockBuffer("conductor"), tmp_path / "conductor.cqr"

        async def scene(file: RecordFile) -> None:
            watched = cast(Any, server)
            await watch_rig(watched, pids or {}, clock=clock, buffer=buffer, file=file)

        with RecordFile(path, "conductor") as file:
            with pytest.raises(asyncio.CancelledError):
                asyncio.run(scene(file))
            file.append(buffer.finish(clock.now_s))
        record = read_record(path)
        assert record.complete
        return [event for _, event in record.events if isinstance(event, RigSample)]

    return _watch


def of(samples: list[RigSample], process: str) -> list[RigSample]:
    return [sample for sample in samples if sample.process == process]


def test_the_server_s_load_is_its_cpu_time_over_the_time_between_two_looks(
    watch: Watch, clock: ManualClock
) -> None:
    start_s = clock.now_s
    samples = of(watch(FakeServer(stats(10.0), stats(10.5), stats(11.25, 0.2))), "server")

    spans_s = [samples[0].t_s - start_s, samples[1].t_s - samples[0].t_s]
    assert spans_s == pytest.approx([PERIOD_S, PERIOD_S], abs=0.11)
    assert [s.cpu_share for s in samples] == pytest.approx([0.5 / spans_s[0], 0.75 / spans_s[1]])
    assert samples[1].loop_lag_s == 0.2
    assert (samples[1].rss_bytes, samples[1].open_fds) == (5_000_000, 20)


def test_the_server_s_waiting_is_told_where_it_counts_it(watch: Watch) -> None:
    answers = [stats(10.0, cpu_wait_s=wait_s) for wait_s in (1.0, 1.25, None)]
    samples = of(watch(FakeServer(*answers)), "server")

    assert samples[0].cpu_wait_share == pytest.approx(0.25 / PERIOD_S, rel=0.15)
    assert samples[1].cpu_wait_share is None


def test_a_server_that_does_not_answer_is_left_out_and_counted_over_the_gap(
    watch: Watch,
) -> None:
    silent = httpx.ConnectError("refused")
    samples = watch(FakeServer(stats(10.0), stats(10.0), silent, stats(11.0)))

    server = of(samples, "server")
    assert len(server) == 2
    assert server[1].cpu_share == pytest.approx(1.0 / (server[1].t_s - server[0].t_s))
    assert server[1].t_s - server[0].t_s > 1.5 * PERIOD_S
    assert len(of(samples, "conductor")) == 4


def test_a_process_that_took_the_server_s_place_is_counted_from_its_own_start(
    watch: Watch,
) -> None:
    answers = [stats(cpu_s) for cpu_s in (10.0, 10.5, 0.75, 1.0)]
    server = of(watch(FakeServer(*answers, starts="1122")), "server")

    assert [sample.cpu_share for sample in server] == pytest.approx([0.5, 0.25], rel=0.15)


def test_the_conductor_s_lag_is_the_worst_of_its_timers(watch: Watch) -> None:
    samples = of(watch(FakeServer(stats(1.0), stats(1.0)), late_s=0.25), "conductor")

    assert samples[0].loop_lag_s == pytest.approx(0.25)
    assert samples[0].rss_bytes > 0


def test_timers_that_are_on_time_have_no_lag(watch: Watch) -> None:
    samples = of(watch(FakeServer(stats(1.0), stats(1.0))), "conductor")

    assert samples[0].loop_lag_s == pytest.approx(0.0, abs=1e-6)


def test_toxiproxy_is_sampled_where_it_is_ours(watch: Watch) -> None:
    samples = watch(FakeServer(stats(1.0), stats(1.0)), {"toxiproxy": os.getpid()})

    assert of(samples, "toxiproxy")[0].rss_bytes > 0


def test_a_relay_is_watched_where_there_is_one(watch: Watch) -> None:
    samples = watch(FakeServer(stats(1.0), stats(1.0)), {"relay-2": os.getpid()})

    assert {sample.process for sample in samples} == {"conductor", "relay-2", "server"}
    assert of(samples, "relay-2")[0].rss_bytes > 0


@pytest.mark.e2e
@pytest.mark.parametrize("seen_running", [False, True])
def test_a_toxiproxy_that_is_gone_is_left_out_and_does_not_end_the_watch(
    watch: Watch, monkeypatch: pytest.MonkeyPatch, seen_running: bool
) -> None:
    """Whether it went before the look, or between two steps of it."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

    class Ending(FakeServer):
        async def stats(self) -> ServerStats:
            answer = await super().stats()
            with child:
                pass  # closes its stdin and waits
            return answer

    if seen_running:
        monkeypatch.setattr(psutil.Process, "is_running", lambda self: True)
    samples = watch(Ending(stats(1.0), stats(1.0), stats(2.0)), {"toxiproxy": child.pid})

    assert of(samples, "toxiproxy") == []
    assert len(of(samples, "server")) == 2
