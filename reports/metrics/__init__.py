"""All figures of a run by window and cohort (docs/metrics.md)."""

from __future__ import annotations

from reports.evidence import Evidence
from reports.metrics import deliveries, recovery, screens, sends, sessions, skips, transport
from reports.metrics.cells import CellMaker, Unit
from reports.model import Metrics
from reports.windows import scopes

UNITS: dict[str, Unit] = {
    **sends.UNITS,
    **skips.UNITS,
    **deliveries.UNITS,
    **transport.UNITS,
    **sessions.UNITS,
    **recovery.UNITS,
    **screens.UNITS,
}
"""Every metric's name, with the percentile where it has some, and its unit."""


def measure(evidence: Evidence) -> Metrics:
    """Compute every metric for every window and cohort; null where one makes no sense."""
    frozen = deliveries.frozen_spans(evidence)
    seen = transport.transport(evidence)
    tokens = sessions.sessions(evidence)
    stale = screens.stale_lines(evidence)
    found = scopes(evidence.history)
    cells = []
    for scope in found:
        make = CellMaker(scope, evidence.history.settings.seed)
        made = {
            cell.metric: cell
            for cell in (
                *sends.send_cells(evidence, make),
                *skips.skip_cells(evidence, make),
                *deliveries.delivery_cells(evidence, make),
                *deliveries.frozen_cells(evidence, make, frozen),
                *transport.transport_cells(evidence, make, seen),
                *sessions.session_cells(evidence, make, tokens),
                *recovery.recovery_cells(evidence, make),
                *screens.screen_cells(evidence, make, stale),
            )
        }
        cells += [
            made[name] if name in made else make.figure(name, None, unit, 0)
            for name, unit in UNITS.items()
        ]
    return Metrics(windows=tuple(scope.window for scope in found), cells=tuple(cells))
