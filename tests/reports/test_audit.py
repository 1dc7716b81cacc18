"""The audit as a whole: what it says of known runs, and that it always says the same."""

from __future__ import annotations

from pathlib import Path as FilePath

import msgspec
import pandas as pd
import pytest

from harness.errors import UsageError
from harness.rundir import RunDir
from harness.runsettings import GateSpec
from reports.audit import audit, examine, write_results
from reports.metrics import UNITS
from reports.model import Metrics, Verdict
from tests.support.histories import GATES, write_run

RESULTS = (
    "metrics.json",
    "verdict.json",
    "ledger.parquet",
    "messages.parquet",
    "users.parquet",
    "windows.parquet",
)
CLEAN_GATES = tuple(gate for gate in GATES if gate.metric != "delivery_s.p99")


@pytest.fixture
def run_dir(tmp_path: FilePath) -> RunDir:
    return write_run(tmp_path / "run", users=10, lost=2, duplicate_rows=1, timeouts=1)


def results(run_dir: RunDir) -> dict[str, bytes]:
    write_results(examine(run_dir), run_dir)
    return {name: (run_dir.root / name).read_bytes() for name in RESULTS}


def test_a_clean_run_passes(tmp_path: FilePath) -> None:
    found = audit(write_run(tmp_path / "run", users=10, gates=CLEAN_GATES))
    assert (found.verdict.verdict, found.verdict.rig, found.wrong) == ("pass", (), ())


def test_a_run_with_lost_messages_fails_and_names_them(run_dir: RunDir) -> None:
    found = audit(run_dir)
    assert found.verdict.verdict == "fail"
    assert [wrong.kind for wrong in found.wrong] == ["lost", "lost", "duplicate_row"]
    assert all(len(wrong.receivers) == 1 for wrong in found.wrong if wrong.kind == "lost")


def test_a_starved_generator_is_invalid_and_not_a_pass(tmp_path: FilePath) -> None:
    found = audit(write_run(tmp_path / "run", users=10, gates=CLEAN_GATES, loop_lag_s=0.9))
    assert found.verdict.verdict == "invalid"
    assert "load-0 did not keep up" in found.verdict.reasons[0]


def test_other_gates_judge_the_same_figures(run_dir: RunDir) -> None:
    found = audit(run_dir, [GateSpec("lost", max=2)])
    assert (found.verdict.verdict, len(found.verdict.gates)) == ("pass", 1)
    assert found.metrics == audit(run_dir).metrics
    with pytest.raises(UsageError):
        audit(run_dir, [GateSpec("losses", max=2)])


def test_the_same_files_give_the_same_bytes(run_dir: RunDir) -> None:
    assert results(run_dir) == results(run_dir)


def test_the_json_files_read_back_as_what_was_found(run_dir: RunDir) -> None:
    found, written = audit(run_dir), results(run_dir)
    assert msgspec.json.decode(written["metrics.json"], type=Metrics) == found.metrics
    assert msgspec.json.decode(written["verdict.json"], type=Verdict) == found.verdict


def test_the_tables_hold_a_row_for_each_of_their_things(run_dir: RunDir) -> None:
    examination = examine(run_dir)
    write_results(examination, run_dir)
    rows = {name: pd.read_parquet(run_dir.root / f"{name}.parquet") for name in
            ("ledger", "messages", "users", "windows")}  # fmt: skip
    assert len(rows["ledger"]) == len(examination.evidence.ledger.message)
    assert (rows["ledger"]["class"] == "lost").sum() == 2
    assert len(rows["messages"]) == 120
    assert rows["users"]["lost"].sum() == 2
    assert len(rows["windows"]) == len(examination.audit.metrics.windows)
    assert set(UNITS) <= set(rows["windows"].columns)


def test_a_run_that_never_began_is_invalid_and_does_not_break_the_audit(
    tmp_path: FilePath,
) -> None:
    run_dir = write_run(tmp_path / "run", users=2)
    settings = msgspec.json.decode(run_dir.settings.read_bytes())
    for name in ("started_at_s", "load_begins_at_s", "load_ends_at_s", "ended_at_s"):
        settings[name] = None
    run_dir.write(run_dir.settings, msgspec.json.encode(settings))
    for path in (run_dir.plan, run_dir.commits, run_dir.events / "load-0.cqr"):
        path.unlink()
    run_dir.write(run_dir.plan, b"")
    examination = examine(run_dir)
    write_results(examination, run_dir)
    assert examination.audit.verdict.verdict == "invalid"
