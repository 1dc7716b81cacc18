"""Planned sends that their person could not make, by reason. Each in the window of its planned
moment."""

from __future__ import annotations

from typing import get_args

import numpy as np

from harness.records import SkipReason
from reports.evidence import Evidence
from reports.metrics.cells import CellMaker, Unit
from reports.model import Cell

REASONS: tuple[str, ...] = get_args(SkipReason)
SECOND_CLICK = "second_click"
"""S6 is there to refuse the other click of a double click: it is counted apart."""

_KINDS = ("", *(f".{reason}" for reason in (*REASONS, SECOND_CLICK)))
UNITS: dict[str, Unit] = {
    **{f"skipped{kind}": "messages" for kind in _KINDS},
    **{f"skipped_rate{kind}": "1" for kind in _KINDS},
}


def skip_cells(evidence: Evidence, make: CellMaker) -> list[Cell]:
    """Counts and shares of one window and cohort."""
    table, sender = evidence.messages.table, evidence.sender
    users = np.append(make.scope.users, False)  # A sender of -1 reads this last one.
    # A room that wants more than it can write has turns after the end; they are the last window's.
    last_s = np.nextafter(evidence.history.end_s, -np.inf)
    planned_s = np.minimum(table["planned_s"].to_numpy(np.float64), last_s)
    here = users[sender] & make.scope.contains(planned_s)
    clusters = evidence.clusters[sender[here]]
    reason = table["skipped"].to_numpy()[here]
    second = table["second_click"].to_numpy(np.bool_)[here]
    cells = []
    for kind, hit, of in (
        ("", reason != "", ~second),
        *((f".{name}", reason == name, ~second) for name in REASONS),
        (f".{SECOND_CLICK}", reason != "", second),
    ):
        hits, those = (hit & of).astype(np.float64), of.astype(np.float64)
        cells += [
            make.count(f"skipped{kind}", int(hits.sum()), int(of.sum()), "messages"),
            make.rate(f"skipped_rate{kind}", hits, those, clusters),
        ]
    return cells
