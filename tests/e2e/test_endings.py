"""However a run ends, its exit code is the contract's, nothing is left running, and what was
recorded can be read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.recorder import read_record
from tests.support.runs import CHATQUAKE, QUICK, RunningRun

pytestmark = pytest.mark.e2e


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningRun]:
    out = tmp_path / "run"
    run = RunningRun([*CHATQUAKE, "run", str(QUICK), "--out", str(out)], out)
    yield run
    run.clean_up()


def verdict(out: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((out / "verdict.json").read_text())
    return content


def in_load(run: RunningRun) -> None:
    run.wait_for("block is on")
    run.family()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_invalid_and_exits_130(
    running: RunningRun, number: signal.Signals
) -> None:
    in_load(running)
    running.child.send_signal(number)
    end = running.wait()
    assert end.code == 130
    assert running.left_behind() == []
    assert verdict(end.out)["verdict"] == "invalid"
    assert "interrupted" in json.dumps(verdict(end.out)["reasons"])


def test_an_interrupt_before_the_load_leaves_nothing_running(running: RunningRun) -> None:
    running.wait_until(lambda: "server" in running.family(), "a server")
    running.child.send_signal(signal.SIGINT)
    end = running.wait()
    assert end.code == 130
    assert running.left_behind() == []


def test_an_interrupt_during_the_audit_still_leaves_the_verdict(running: RunningRun) -> None:
    running.wait_for("auditing")
    running.family()
    running.child.send_signal(signal.SIGINT)
    end = running.wait()
    assert end.code == 130
    assert running.left_behind() == []
    assert verdict(end.out)["verdict"] == "pass"


def test_a_second_interrupt_ends_at_once_and_leaves_nothing_running(running: RunningRun) -> None:
    in_load(running)
    running.child.send_signal(signal.SIGINT)
    running.wait_for("stopping in order")
    running.child.send_signal(signal.SIGINT)
    assert running.wait(20).code == 130
    assert running.left_behind() == []


@pytest.mark.parametrize("role", ["cli", "locust", "conductor"])
def test_killing_one_of_ours_leaves_nothing_running_and_the_record_readable(
    running: RunningRun, role: str
) -> None:
    in_load(running)
    family = running.family()
    os.kill(family[role].pid, signal.SIGKILL)
    end = running.wait()
    assert end.code == (-signal.SIGKILL if role == "cli" else 3), end.output
    assert running.left_behind() == []
    record = read_record(running.out / "events" / "load.cqr")
    assert len(record.events) > 0


@pytest.mark.parametrize("role", ["server", "toxiproxy"])
def test_a_part_of_the_rig_that_dies_makes_the_run_invalid(running: RunningRun, role: str) -> None:
    in_load(running)
    os.kill(running.family()[role].pid, signal.SIGKILL)
    end = running.wait()
    assert end.code == 3, end.output
    assert running.left_behind() == []
    assert verdict(end.out)["verdict"] == "invalid"
    named = {"server": "server ended", "toxiproxy": "Toxiproxy ended"}[role]
    assert named in end.output


def test_a_load_generator_that_stood_still_makes_the_run_invalid(running: RunningRun) -> None:
    in_load(running)
    load = running.family()["locust"]
    load.suspend()
    time.sleep(3.0)
    load.resume()
    end = running.wait()
    assert end.code == 3, end.output
    assert "generator_starved" in [f["what"] for f in verdict(end.out)["rig"]]


def test_an_unknown_scenario_is_one_line_and_exit_2(tmp_path: Path) -> None:
    command = [*CHATQUAKE, "run", "stedy", "--out", str(tmp_path / "run")]
    end = subprocess.run(command, capture_output=True, text=True, check=False)
    assert end.returncode == 2
    assert end.stderr.count("\n") == 1
    assert "steady" in end.stderr
    assert not (tmp_path / "run").exists()


def _hog(cpus: int, seconds: float) -> list[subprocess.Popen[bytes]]:
    """Take every core away from everybody but for the rest that the kernel keeps back."""
    code = f"import time\nend = time.time() + {seconds}\nwhile time.time() < end: pass"
    found = []
    for _ in range(cpus):
        found.append(subprocess.Popen([sys.executable, "-c", code]))
        os.sched_setscheduler(found[-1].pid, os.SCHED_FIFO, os.sched_param(50))
    return found


def _may_hog() -> bool:
    if not hasattr(os, "sched_setscheduler"):
        return False
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    except OSError:
        return False
    os.sched_setscheduler(0, *before)
    return True


@pytest.mark.skipif(not _may_hog(), reason="only who may set real-time priority can starve a run")
def test_a_run_whose_machine_is_taken_away_is_invalid_whatever_its_gates_say(
    running: RunningRun,
) -> None:
    running.wait_for("block is on")
    hogs = _hog(os.cpu_count() or 1, seconds=4.0)
    try:
        end = running.wait()
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    assert end.code == 3
    found = {finding["what"] for finding in verdict(end.out)["rig"] if finding["level"] == "fatal"}
    assert {"generator_starved", "rig_starved"} <= found
