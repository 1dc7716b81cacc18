"""From a run directory to its results: a function of the directory's files alone.

The same files give the same results, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import pandas as pd

from harness.records import RigSample
from harness.rundir import RunDir
from harness.runsettings import GateSpec
from reports.evidence import Evidence, gather
from reports.gates import judge, verdict
from reports.ledger import ledger_frame
from reports.loading import load
from reports.machine import samples_by_process
from reports.metrics import measure
from reports.metrics.deliveries import frozen_spans
from reports.model import Audit, Metrics
from reports.rig import findings
from reports.series import draw_series
from reports.wrong import wrong_messages

_MIB = 2**20


@dataclass(frozen=True)
class Examination:
    """An audit together with the evidence behind it."""

    audit: Audit
    evidence: Evidence


def examine(run_dir: RunDir, gates: Sequence[GateSpec] | None = None) -> Examination:
    """Audit a run; ``gates`` replace the scenario's own.

    Raises :class:`harness.errors.RecordError` where the run has no readable settings or plan,
    and :class:`harness.errors.UsageError` for a gate on an unknown metric.
    """
    history = load(run_dir)
    settings = history.settings
    evidence = gather(history)
    metrics = measure(evidence)
    judged = judge(settings.gates if gates is None else gates, metrics)
    result = Audit(
        settings=settings,
        receipts=history.receipts,
        metrics=metrics,
        verdict=verdict(judged, findings(evidence), settings),
        series=draw_series(evidence),
        wrong=wrong_messages(evidence),
        rig_table=_rig_table(history.events.of(RigSample)),
    )
    return Examination(result, evidence)


def audit(run_dir: RunDir, gates: Sequence[GateSpec] | None = None) -> Audit:
    """:func:`examine` without the evidence, for those who only read figures."""
    return examine(run_dir, gates).audit


def write_results(examination: Examination, run_dir: RunDir) -> None:
    """Write ``metrics.json``, ``verdict.json`` and the four Parquet tables."""
    found = examination.audit
    run_dir.write(run_dir.metrics, _pretty(found.metrics))
    run_dir.write(run_dir.verdict, _pretty(found.verdict))
    evidence = examination.evidence
    for name, frame in (
        ("ledger", ledger_frame(evidence.ledger, evidence.history)),
        ("messages", _message_frame(evidence)),
        ("users", _user_frame(evidence)),
        ("windows", _window_frame(found.metrics)),
    ):
        content = frame.to_parquet(None, engine="pyarrow", compression="zstd", index=False)
        run_dir.write(run_dir.root / f"{name}.parquet", content)


def _pretty(value: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _rig_table(samples: Sequence[RigSample]) -> tuple[tuple[str, float, float, float], ...]:
    return tuple(
        (
            process,
            max(sample.cpu_share for sample in found),
            max(sample.loop_lag_s for sample in found),
            max(sample.rss_bytes for sample in found) / _MIB,
        )
        for process, found in samples_by_process(samples).items()
    )


def _message_frame(evidence: Evidence) -> pd.DataFrame:
    frame = evidence.messages.table.copy()
    frame["withdrawn_s"] = frame["withdrawn_s"].replace(np.inf, np.nan)
    return frame


def _user_frame(evidence: Evidence) -> pd.DataFrame:
    history, presence, ledger = evidence.history, evidence.presence, evidence.ledger
    count = len(history.users)
    begin_s, end_s = history.begin_s, history.end_s

    def pairs(chosen: np.ndarray) -> np.ndarray:
        return np.bincount(ledger.receiver[chosen], minlength=count)

    return history.users.assign(
        closed_s=presence.closed_s,
        eligible=presence.eligible,
        expected=pairs(ledger.expected),
        lost=pairs(ledger.expected & (ledger.copies == 0)),
        visible_duplicates=pairs(ledger.copies > 1),
        frozen_s=frozen_spans(evidence).clipped(begin_s, end_s).seconds(count),
        fallback_s=presence.fallback.clipped(begin_s, end_s).seconds(count),
        live_s=presence.live.clipped(begin_s, end_s).seconds(count),
    )


def _window_frame(metrics: Metrics) -> pd.DataFrame:
    """A row for each window and cohort, a column for each metric."""
    rows = pd.DataFrame([msgspec.structs.asdict(window) for window in metrics.windows])
    cells = pd.DataFrame([(c.window, c.cohort, c.metric, c.value) for c in metrics.cells])
    if cells.empty:
        return rows
    cells.columns = pd.Index(["name", "cohort", "metric", "value"])
    wide = cells.pivot(index=["name", "cohort"], columns="metric", values="value")
    return rows.merge(wide.reset_index(), on=["name", "cohort"], how="left")
