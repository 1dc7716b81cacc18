"""A run that is too large for one Toxiproxy: it starts a second, with a relay, and both play every
fault. Here a low limit of file descriptors makes ten users too many."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path

import pytest

from harness.recorder import read_record
from harness.records import RigSample, SocketClosed
from tests.support.rundata import events, receipt, verdict
from tests.support.runs import CHATQUAKE, Finished, RunningRun

pytestmark = pytest.mark.e2e

LANES = Path(__file__).with_name("lanes.toml")
FIVE_USERS_A_LANE = 500 + 4 * 5
TEN_USERS_IN_THE_SERVER = 500 + 2 * 10


def start(folder: Path, *options: str, fd_limit: int) -> RunningRun:
    out = folder / "run"
    command = shlex.join([*CHATQUAKE, "run", str(LANES), "--out", str(out), *options])
    return RunningRun(["sh", "-c", f"ulimit -n {fd_limit} && exec {command}"], out)


@pytest.fixture(scope="module")
def in_lanes(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    assert FIVE_USERS_A_LANE == TEN_USERS_IN_THE_SERVER
    run = start(tmp_path_factory.mktemp("lanes"), fd_limit=FIVE_USERS_A_LANE)
    try:
        run.wait_for("is on")
        assert "toxiproxy" in run.family()
        end = run.wait()
        assert run.left_behind() == []
        return end
    finally:
        run.clean_up()


def test_a_run_in_two_lanes_is_as_good_as_any_other(in_lanes: Finished) -> None:
    assert in_lanes.code == 0, in_lanes.output
    assert verdict(in_lanes.out).verdict == "pass"


@pytest.mark.parametrize("fault", ["cut", "portal"])
def test_each_fault_is_proved_in_both_lanes(in_lanes: Finished, fault: str) -> None:
    proved = receipt(in_lanes.out, fault)
    assert set(proved.proxies) == {"chrome-realtime", "chrome-realtime.2"}
    assert proved.problems == ()


def test_the_users_of_both_lanes_are_hit_each_time(in_lanes: Finished) -> None:
    closed = Counter(event.user for event in events(in_lanes.out, SocketClosed))
    assert set(closed) == set(range(10))
    assert min(closed.values()) >= 2


def test_every_process_of_both_lanes_is_watched(in_lanes: Finished) -> None:
    record = read_record(in_lanes.out / "events" / "conductor.cqr")
    names = {event.process for _, event in record.events if isinstance(event, RigSample)}
    assert {"toxiproxy", "toxiproxy-2", "relay", "relay-2"} <= names


def test_users_for_whom_no_lane_would_do_are_refused_before_anything_starts(
    tmp_path: Path,
) -> None:
    end = start(tmp_path, "--users", "11", fd_limit=TEN_USERS_IN_THE_SERVER).wait()
    assert end.code == 2
    assert "load.users: 11 do not fit on this machine, 10 would" in end.output
    assert not (tmp_path / "run").exists()
