"""Whole runs with the relay in the chain."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.records import FallbackOn, PageOpened, SocketClosed
from tests.support.rundata import events, receipt, records, verdict
from tests.support.runs import CHATQUAKE, Finished, RunningRun

pytestmark = pytest.mark.e2e

FILTERS = Path(__file__).with_name("filters.toml")
FILTERED = ("refused", "portal", "stripped", "hanging")


def _start(folder: Path) -> RunningRun:
    out = folder / "run"
    return RunningRun([*CHATQUAKE, "run", str(FILTERS), "--out", str(out)], out)


@pytest.fixture(scope="module")
def filters(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    run = _start(tmp_path_factory.mktemp("filters"))
    try:
        run.wait_for("is on")
        assert "relay" in run.family()
        end = run.wait()
        assert run.left_behind() == []
        return end
    finally:
        run.clean_up()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningRun]:
    run = _start(tmp_path)
    yield run
    run.clean_up()


def test_a_run_behind_every_kind_of_filter_passes(filters: Finished) -> None:
    assert filters.code == 0, filters.output
    assert verdict(filters.out).verdict == "pass"
    assert all(record.complete for record in records(filters.out))


@pytest.mark.parametrize("name", FILTERED)
def test_each_filter_has_a_sound_receipt_of_handshakes(filters: Finished, name: str) -> None:
    proof = receipt(filters.out, name)
    assert proof.problems == ()
    assert proof.proxies == (f"{name}-realtime",)
    assert "handshake" in proof.effect.en


def test_filtered_users_lose_their_sockets_and_the_free_ones_nothing(filters: Finished) -> None:
    cohort = {page.user: page.cohort for page in events(filters.out, PageOpened)}
    begin_s = receipt(filters.out, "refused").requested_s
    assert begin_s is not None
    cut = {cohort[closed.user] for closed in events(filters.out, SocketClosed)}
    fallen = {cohort[each.user] for each in events(filters.out, FallbackOn) if each.t_s > begin_s}
    assert set(FILTERED) <= cut
    assert set(FILTERED) <= fallen
    assert "free" not in fallen


def test_a_relay_that_stands_still_in_mid_run_makes_the_run_invalid(running: RunningRun) -> None:
    running.wait_for("is on")
    os.kill(running.family()["relay"].pid, signal.SIGSTOP)
    end = running.wait()
    assert end.code == 3, end.output
    assert running.left_behind() == []
    assert verdict(end.out).verdict == "invalid"
    assert "the relay has not answered for 3 s" in end.output


def test_a_relay_that_dies_in_mid_run_makes_the_run_invalid(running: RunningRun) -> None:
    running.wait_for("is on")
    os.kill(running.family()["relay"].pid, signal.SIGKILL)
    end = running.wait()
    assert end.code == 3, end.output
    assert running.left_behind() == []
    assert verdict(end.out).verdict == "invalid"
    assert "the relay ended with code -9; see logs/relay.log" in end.output
