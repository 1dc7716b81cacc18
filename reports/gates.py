"""Gates against figures, and all of them together as one verdict of three values.

Fail beats invalid beats pass. A fatal finding about the rig makes timing and rate gates
invalid, whatever they say; counted facts with ids stay what they are, because nothing that is
wrong with a generator can make a row that is there twice be there once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import msgspec

from harness.errors import UsageError
from harness.runsettings import GateSpec, RunSettings, Text
from reports.metrics import UNITS
from reports.model import Cell, GateResult, Metrics, Result, RigFinding, Verdict

METRIC_NAMES: tuple[str, ...] = tuple(UNITS)
"""Every name that a gate may use."""

FACTS = frozenset({"lost_after_ack", "duplicate_rows", "visible_duplicates"})
"""Counted with ids: they stand whatever the rig was like, as long as the evidence is whole."""

EVIDENCE = frozenset({"commit_log_damaged", "interrupted", "rig_broken"})
"""Findings after which not even a counted fact is sure."""


def judge(gates: Sequence[GateSpec], metrics: Metrics) -> tuple[GateResult, ...]:
    """Hold every gate against its figure.

    Raises :class:`UsageError` for an unknown metric, with the names near to it, and for a gate
    without a bound.
    """
    for gate in gates:
        check_name(gate.metric)
        if gate.max is None and gate.min is None:
            raise UsageError(f"gate on {gate.metric!r}: has no bound; give it max or min")
    return tuple(
        _judge(gate, metrics.cell(gate.metric, gate.window, gate.cohort)) for gate in gates
    )


def check_name(metric: str) -> None:
    """Raise :class:`UsageError` for a metric that does not exist, with the names near to it."""
    if metric in UNITS:
        return
    near = difflib.get_close_matches(metric, METRIC_NAMES, n=4, cutoff=0.4)
    near = [name for name in METRIC_NAMES if name.startswith(f"{metric}.")] or near
    raise UsageError(f"gate on {metric!r}: no such metric; near: {', '.join(near) or 'none'}")


def verdict(
    gates: Sequence[GateResult], rig: Sequence[RigFinding], settings: RunSettings
) -> Verdict:
    """Merge gates and findings (docs/exit-codes-and-verdict.md)."""
    fatal = [finding for finding in rig if finding.level == "fatal"]
    blind = [finding for finding in fatal if finding.what in EVIDENCE]
    whole = not (blind or settings.interrupted or settings.broken)
    judged = tuple(_under(gate, fatal, whole=whole) for gate in gates)
    result = merge([gate.result for gate in judged] + (["invalid"] if fatal else []))
    if not whole:
        result = "invalid"
    reasons = [finding.sentence.en for finding in fatal]
    if not gates:
        reasons.append("the scenario has no gates, so there is nothing to pass")
    reasons += [_sentence(gate) for gate in judged if gate.result == "fail"]
    if not fatal:
        reasons += [_sentence(gate) for gate in judged if gate.result == "invalid"]
    return Verdict(verdict=result, reasons=tuple(reasons), gates=judged, rig=tuple(rig))


def merge(results: Iterable[Result]) -> Result:
    """Fail beats invalid beats pass; nothing at all is invalid."""
    found = set(results)
    if "fail" in found:
        return "fail"
    return "pass" if found == {"pass"} else "invalid"


def _judge(gate: GateSpec, cell: Cell | None) -> GateResult:
    result, reason = _compare(gate, cell)
    return GateResult(
        metric=gate.metric,
        window=gate.window,
        cohort=gate.cohort,
        bound=_bound(gate),
        value=None if cell is None else cell.value,
        unit=UNITS[gate.metric],
        n=0 if cell is None else cell.n,
        result=result,
        reason=reason,
        beyond=cell is not None and cell.beyond,
    )


def _compare(gate: GateSpec, cell: Cell | None) -> tuple[Result, Text | None]:
    if cell is None or cell.value is None or cell.n < gate.min_samples:
        return "invalid", _why_unclear(gate, cell)
    # What never ended is longer than any bound.
    said = _rounded(cell)
    if gate.max is not None and (cell.beyond or cell.value > gate.max):
        high = f"{gate.max:g}"
        return "fail", Text(f"{said} is more than {high}", f"{said}, 한도 {high}보다 큽니다")
    if gate.min is not None and not cell.beyond and cell.value < gate.min:
        low = f"{gate.min:g}"
        return "fail", Text(f"{said} is less than {low}", f"{said}, 하한 {low}보다 작습니다")
    return "pass", None


def _rounded(cell: Cell) -> str:
    """The value with as many digits as a sentence needs; never so few that it seems kept."""
    assert cell.value is not None
    said = f"{cell.value:,.0f}" if float(cell.value).is_integer() else f"{cell.value:.4g}"
    return f"> {said}" if cell.beyond else said


def _why_unclear(gate: GateSpec, cell: Cell | None) -> Text:
    if cell is None:
        return Text(
            f"the run has no window {gate.window!r} for cohort {gate.cohort!r}",
            f"이 실행에는 {gate.cohort} 집단의 {gate.window} 구간이 없습니다",
        )
    if cell.value is None:
        return Text(
            "the figure makes no sense in this window: nothing was measured",
            "이 구간에서는 잰 것이 없어 값이 없습니다",
        )
    return Text(
        f"{cell.n} samples, at least {gate.min_samples} are needed",
        f"표본이 {cell.n}개뿐입니다(최소 {gate.min_samples}개 필요)",
    )


def _bound(gate: GateSpec) -> str:
    parts = []
    if gate.min is not None:
        parts.append(f">= {gate.min:g}")
    if gate.max is not None:
        parts.append(f"<= {gate.max:g}")
    return " and ".join(parts)


def _under(gate: GateResult, fatal: Sequence[RigFinding], *, whole: bool) -> GateResult:
    """What is left of a gate's result under the rig's findings."""
    if gate.result == "invalid" or (whole and (not fatal or gate.metric in FACTS)):
        return gate
    why = ", ".join(dict.fromkeys(finding.what for finding in fatal)) or "the run was cut"
    reason = Text(
        f"the rig was not able to tell: {why}", "시험 자체가 온전하지 않아 판정할 수 없습니다"
    )
    return msgspec.structs.replace(gate, result="invalid", reason=reason)


def _sentence(gate: GateResult) -> str:
    where = f"{gate.metric} ({gate.window}, {gate.cohort})"
    return f"{where}: {gate.reason.en}" if gate.reason is not None else where
