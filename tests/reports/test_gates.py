"""Gates and the verdict: three values, and the rig has a say."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.runsettings import GateSpec, Text
from reports.gates import METRIC_NAMES, judge, merge, verdict
from reports.model import Cell, GateResult, Metrics, Result, RigFinding, Verdict
from tests.support.small_history import settings


def metrics(
    value: float | None, n: int = 100, *, beyond: bool = False, name: str = "lost"
) -> Metrics:
    cell = Cell(
        metric=name, window="run", cohort="all", value=value, unit="messages", n=n, beyond=beyond
    )
    return Metrics(windows=(), cells=(cell,))


TABLE: list[tuple[str, Metrics, GateSpec, Result, str]] = [
    ("inside", metrics(1), GateSpec("lost", max=1), "pass", ""),
    ("above", metrics(2), GateSpec("lost", max=1), "fail", "2 is more than 1"),
    ("below", metrics(2), GateSpec("lost", min=3), "fail", "2 is less than 3"),
    ("between", metrics(2), GateSpec("lost", min=1, max=3), "pass", ""),
    ("null", metrics(None, 0), GateSpec("lost", max=1), "invalid", "nothing was measured"),
    ("few", metrics(0, 9), GateSpec("lost", max=1, min_samples=10), "invalid", "9 samples"),
    ("other window", metrics(0), GateSpec("lost", "during:x", max=1), "invalid", "no window"),
    ("other cohort", metrics(0), GateSpec("lost", cohort="edge", max=1), "invalid", "'edge'"),
    ("never ended", metrics(2, beyond=True), GateSpec("lost", max=9), "fail", "> 2 is more"),
    ("never ended, min", metrics(2, beyond=True), GateSpec("lost", min=9), "pass", ""),
]


@pytest.mark.parametrize(
    ("found", "gate", "result", "reason"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_a_gate_is_held_against_its_figure(
    found: Metrics, gate: GateSpec, result: Result, reason: str
) -> None:
    [judged] = judge([gate], found)
    assert judged.result == result
    assert judged.reason is None or reason in judged.reason.en
    assert (judged.reason is not None) == (result != "pass")


def test_a_bound_is_written_as_it_is_meant() -> None:
    gates = [GateSpec("lost", max=0.02), GateSpec("lost", min=1), GateSpec("lost", min=1, max=2)]
    assert [g.bound for g in judge(gates, metrics(1))] == ["<= 0.02", ">= 1", ">= 1 and <= 2"]


def test_an_unknown_metric_is_refused_with_names_near_to_it() -> None:
    with pytest.raises(UsageError, match=r"'ack_s': no such metric; near: ack_s\.p50, ack_s\.p90"):
        judge([GateSpec("ack_s", max=1)], metrics(1))
    with pytest.raises(UsageError, match="send_timeout_rate"):
        judge([GateSpec("send_timeouts_rate", max=1)], metrics(1))


def test_a_gate_without_a_bound_is_refused() -> None:
    with pytest.raises(UsageError, match="has no bound"):
        judge([GateSpec("lost")], metrics(1))


def test_metric_names_carry_their_percentiles() -> None:
    assert {"ack_s.p99", "frozen_s.p90", "poll_rate.peak", "lost"} <= set(METRIC_NAMES)


@pytest.mark.parametrize(
    ("results", "wanted"),
    [
        (["pass", "pass"], "pass"),
        (["pass", "invalid"], "invalid"),
        (["invalid", "fail", "pass"], "fail"),
        ([], "invalid"),
    ],
)
def test_fail_beats_invalid_beats_pass(results: list[Result], wanted: Result) -> None:
    assert merge(results) == wanted


def gate(metric: str, result: Result) -> GateResult:
    reason = "" if result == "pass" else "because"
    return GateResult(
        metric=metric,
        window="run",
        cohort="all",
        bound="<= 1",
        value=1.0,
        unit="s",
        n=9,
        result=result,
        reason=Text(reason, reason) if reason else None,
    )


def fatal(what: str = "generator_starved") -> RigFinding:
    return RigFinding(level="fatal", what=what, sentence=Text(f"{what}: 7 of 9", ""))


def of(gates: list[GateResult], rig: list[RigFinding], **changed: object) -> Verdict:
    return verdict(gates, rig, settings(**changed))


def test_a_fatal_finding_makes_timing_gates_invalid_whatever_they_said() -> None:
    for result in ("pass", "fail"):
        found = of([gate("ack_s.p99", result)], [fatal()])
        assert [g.result for g in found.gates] == ["invalid"]
        assert found.verdict == "invalid"
        assert found.reasons == ("generator_starved: 7 of 9",)


def test_a_counted_fact_fails_even_on_a_bad_rig() -> None:
    found = of([gate("duplicate_rows", "fail"), gate("late_rate", "pass")], [fatal()])
    assert [g.result for g in found.gates] == ["fail", "invalid"]
    assert (found.verdict, found.exit_code) == ("fail", 1)


def test_a_counted_fact_that_passes_does_not_make_a_bad_rig_pass() -> None:
    found = of([gate("duplicate_rows", "pass")], [fatal()])
    assert [g.result for g in found.gates] == ["pass"]
    assert (found.verdict, found.exit_code) == ("invalid", 3)


def test_a_damaged_commit_log_leaves_no_fact_standing() -> None:
    found = of([gate("lost_after_ack", "fail")], [fatal("commit_log_damaged")])
    assert (found.verdict, found.gates[0].result) == ("invalid", "invalid")


@pytest.mark.parametrize("changed", [{"interrupted": "Ctrl-C"}, {"broken": ("the server died",)}])
def test_an_interrupted_or_broken_run_is_invalid(changed: dict[str, object]) -> None:
    found = of([gate("duplicate_rows", "fail"), gate("ack_s.p99", "pass")], [], **changed)
    assert {g.result for g in found.gates} == {"invalid"}
    assert found.verdict == "invalid"


def test_without_gates_nothing_passes() -> None:
    found = of([], [])
    assert found.verdict == "invalid"
    assert "no gates" in found.reasons[0]


def test_a_warning_changes_nothing() -> None:
    warning = RigFinding(level="warning", what="sends_skipped", sentence=Text("3 of 100", ""))
    found = of([gate("ack_s.p99", "pass")], [warning])
    assert (found.verdict, found.exit_code, found.rig) == ("pass", 0, (warning,))


def test_a_failed_gate_is_a_reason_with_its_place() -> None:
    found = of([gate("ack_s.p99", "fail"), gate("late_rate", "invalid")], [])
    assert found.verdict == "fail"
    assert found.reasons == (
        "ack_s.p99 (run, all): because",
        "late_rate (run, all): because",
    )


def test_a_result_says_whether_its_value_is_only_a_lower_bound() -> None:
    (ended,) = judge([GateSpec("lost", max=9)], metrics(2))
    (never,) = judge([GateSpec("lost", max=9)], metrics(2, beyond=True))

    assert (ended.beyond, never.beyond) == (False, True)
