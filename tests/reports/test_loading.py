"""Reading a run directory: whole, and with each of its files missing or cut."""

from __future__ import annotations

from pathlib import Path as FilePath

import pytest

from harness.errors import RecordError
from harness.records import FallbackOn, SendStarted
from harness.rundir import RunDir
from reports.audit import audit
from reports.loading import load
from tests.support.histories import write_run


@pytest.fixture
def run_dir(tmp_path: FilePath) -> RunDir:
    return write_run(tmp_path / "run", users=5)


def test_a_whole_run_loads_without_damage(run_dir: RunDir) -> None:
    history = load(run_dir)
    assert history.damages == ()
    assert len(history.users) == 5
    assert len(history.plan) == len(history.events.of(SendStarted)) == len(history.commits)
    assert history.plan["planned_s"].min() >= history.begin_s
    assert list(history.events.frame(FallbackOn)["reason"]) == ["socket_failures"] * 3


@pytest.mark.parametrize("name", ["settings.json", "plan.jsonl"])
def test_without_settings_or_plan_nothing_can_be_said(run_dir: RunDir, name: str) -> None:
    path = run_dir.root / name
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(RecordError, match=name):
        load(run_dir)
    path.unlink()
    with pytest.raises(RecordError, match=rf"{name}: cannot be read: No such file"):
        load(run_dir)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("commits.jsonl", "commit_log_damaged"),
        ("receipts.json", "receipt_missing"),
        ("events/load-0.cqr", "record_cut"),
    ],
)
def test_other_missing_or_cut_files_are_fatal_findings(
    run_dir: RunDir, name: str, what: str
) -> None:
    path = run_dir.root / name
    path.write_bytes(path.read_bytes()[:-3])
    assert what in {f.what for f in audit(run_dir).verdict.rig if f.level == "fatal"}
    path.unlink()
    found = audit(run_dir)
    assert what in {f.what for f in found.verdict.rig if f.level == "fatal"}
    assert found.verdict.verdict == "invalid"


def test_lines_before_a_cut_are_used(run_dir: RunDir) -> None:
    whole = load(run_dir)
    run_dir.commits.write_bytes(run_dir.commits.read_bytes()[:-3])
    cut = load(run_dir)
    assert len(cut.commits) == len(whole.commits) - 1
    [damage] = cut.damages
    assert (damage.file, damage.missing) == ("commits.jsonl", False)
    assert f"line {len(whole.commits)}" in damage.sentence.en


def test_no_finding_names_the_folder_of_the_run(run_dir: RunDir) -> None:
    run_dir.receipts.unlink()
    (run_dir.events / "load-0.cqr").write_bytes(b"nothing")
    for finding in audit(run_dir).verdict.rig:
        assert str(run_dir.root) not in finding.sentence.en + finding.sentence.ko
