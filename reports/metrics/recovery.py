"""How long users needed to notice a fault and to be well again after it.

``fallback_detect_s`` stands in ``during:x``, ``fallback_release_s`` and ``recover_s`` in
``recovery:x``; the whole run pools all faults. Each user hit by a fault is one sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from harness.receipts import Receipt
from reports.evidence import Evidence
from reports.metrics.cells import CellMaker, Unit
from reports.model import RUN, Cell
from reports.percentile import Durations
from reports.spans import Spans
from reports.windows import Scope

STATS = ("p50", "p90", "max")
UNITS: dict[str, Unit] = {
    f"{name}.{stat}": "s"
    for name in ("fallback_detect_s", "fallback_release_s", "recover_s")
    for stat in STATS
}

Measure = Callable[[Evidence, Receipt, NDArray[np.bool_]], Durations]


def recovery_cells(evidence: Evidence, make: CellMaker) -> list[Cell]:
    """The figures that make sense in this window."""
    name = make.scope.window.name
    cells: list[Cell] = []
    if name == RUN or name.startswith("during:"):
        cells += _cells("fallback_detect_s", detect, evidence, make)
    if name == RUN or name.startswith("recovery:"):
        cells += _cells("fallback_release_s", release, evidence, make)
        cells += _cells("recover_s", recover, evidence, make)
    return cells


def _cells(metric: str, measure: Measure, evidence: Evidence, make: CellMaker) -> list[Cell]:
    found = [
        measure(evidence, fault, hit) for fault, hit in _faults(evidence, make.scope) if hit.any()
    ]
    samples = Durations(
        np.concatenate([np.empty(0), *(s.values for s in found)]),
        np.concatenate([np.empty(0), *(s.floors for s in found)]),
        np.concatenate([np.empty(0, dtype=np.int64), *(s.clusters for s in found)]),
    )
    return make.durations(metric, samples, STATS)


def _faults(evidence: Evidence, scope: Scope) -> Iterable[tuple[Receipt, NDArray[np.bool_]]]:
    """The faults of a window that were proved, with those of its users whom each hit."""
    cohort = evidence.history.users["cohort"].to_numpy(dtype=object)
    for fault in evidence.history.receipts if scope.fault is None else (scope.fault,):
        if fault.first_effect_s is not None and fault.healed_s is not None:
            hit = scope.users & np.isin(cohort.astype(str), fault.cohorts)
            there = evidence.presence.page.contains(len(hit), fault.first_effect_s)
            yield fault, hit & there


def detect(evidence: Evidence, fault: Receipt, hit: NDArray[np.bool_]) -> Durations:
    """First effect to polling on, of those who did not poll before (F1)."""
    begin_s, healed_s = _edges(fault)
    polling = evidence.presence.fallback
    hit = hit & ~polling.contains(len(hit), begin_s)
    on_s = _earliest(polling, len(hit), begin_s, healed_s)[hit]
    floor_s = np.full(len(on_s), healed_s - begin_s)
    return Durations(on_s - begin_s, floor_s, evidence.clusters[hit])


def release(evidence: Evidence, fault: Receipt, hit: NDArray[np.bool_]) -> Durations:
    """First effect of the healing to polling off, of those who polled until then (F2)."""
    _, healed_s = _edges(fault)
    bitten_s = fault.last_effect_s if fault.last_effect_s is not None else healed_s
    polling, closed_s = evidence.presence.fallback, evidence.presence.closed_s
    through = (polling.begin_s < healed_s) & (polling.end_s > bitten_s) & hit[polling.owner]
    owner, off_s = polling.owner[through], polling.end_s[through]
    # Polling that lasts as long as the page was never released.
    took = np.where(off_s < closed_s[owner], np.maximum(off_s - healed_s, 0), np.inf)
    return Durations(took, closed_s[owner] - healed_s, evidence.clusters[owner])


def recover(evidence: Evidence, fault: Receipt, hit: NDArray[np.bool_]) -> Durations:
    """End of the fault to live again with everything of the fault's time on the screen."""
    begin_s, healed_s = _edges(fault)
    presence, ledger = evidence.presence, evidence.ledger
    count = len(hit)
    live_s = _earliest(presence.live, count, healed_s, np.inf)
    live_s[presence.live.contains(count, healed_s)] = healed_s
    withdrawn_s = evidence.messages.table["withdrawn_s"].to_numpy(np.float64)[ledger.message]
    missed = ledger.open_at_commit & (ledger.committed_s >= begin_s)
    missed &= ledger.committed_s < healed_s
    whole_s = np.full(count, healed_s)
    np.maximum.at(
        whole_s,
        ledger.receiver[missed],
        np.minimum(ledger.shown_s[missed], withdrawn_s[missed]),
    )
    took = np.maximum(live_s, whole_s)[hit] - healed_s
    return Durations(took, presence.closed_s[hit] - healed_s, evidence.clusters[hit])


def _edges(fault: Receipt) -> tuple[float, float]:
    if fault.first_effect_s is None or fault.healed_s is None:
        raise ValueError(f"{fault.fault}: not proved")
    return fault.first_effect_s, fault.healed_s


def _earliest(spans: Spans, owners: int, begin_s: float, end_s: float) -> NDArray[np.float64]:
    """When each owner's first stretch inside the bounds begins; inf: none does."""
    first = np.full(owners, np.inf)
    inside = (spans.begin_s >= begin_s) & (spans.begin_s < end_s)
    np.minimum.at(first, spans.owner[inside], spans.begin_s[inside])
    return first
