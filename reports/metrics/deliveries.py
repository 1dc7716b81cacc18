"""What receivers saw. A delivery belongs to the window of its commit."""

from __future__ import annotations

import numpy as np

from harness.records import Path
from reports.evidence import Evidence
from reports.metrics.cells import STATS, CellMaker, Unit
from reports.model import Cell
from reports.percentile import Durations
from reports.spans import Spans, minus, union

_LATENCIES = ("delivery_s", "delivery_realtime_s", "delivery_poll_s", "end_to_end_s")
_USER_STATS = ("p50", "p90", "max")

UNITS: dict[str, Unit] = {
    **{f"{name}.{stat}": "s" for name in _LATENCIES for stat in STATS},
    "late_rate": "1",
    "lost": "messages",
    "lost_rate": "1",
    "visible_duplicates": "messages",
    "visible_duplicate_rate": "1",
    "suppressed_duplicates": "messages",
    "suppressed_duplicates.realtime_poll": "messages",
    "suppressed_duplicates.api_realtime": "messages",
    **{f"frozen_s.{stat}": "s" for stat in _USER_STATS},
}


def delivery_cells(evidence: Evidence, make: CellMaker) -> list[Cell]:
    """All figures of receivers in one window and cohort, but for the frozen time."""
    ledger = evidence.ledger
    here = make.scope.users[ledger.receiver] & make.scope.contains(ledger.committed_s)
    expected = here & ledger.expected
    end_s, late_after_s = evidence.history.end_s, evidence.history.settings.late_after_s
    begin_s = ledger.committed_s[expected]
    shown_s, shown_by = ledger.shown_s[expected], ledger.shown_by[expected]
    planned_s = evidence.messages.table["planned_s"].to_numpy(np.float64)
    planned_s = planned_s[ledger.message[expected]]
    clusters = evidence.clusters[ledger.receiver[expected]]
    one = np.ones(len(begin_s))
    samples = Durations(shown_s - begin_s, end_s - begin_s, clusters)
    extra = np.maximum(ledger.copies - 1, 0)
    n = len(one)

    def suppressed(metric: str, copies: np.ndarray) -> Cell:
        return make.count(metric, int(copies[here].sum()), n, "messages")

    lost = np.isinf(shown_s).astype(np.float64)
    late = (samples.values > late_after_s).astype(np.float64)
    return [
        *make.durations("delivery_s", samples),
        *make.durations("delivery_realtime_s", samples.where(shown_by == Path.REALTIME)),
        *make.durations("delivery_poll_s", samples.where(shown_by == Path.POLL)),
        *make.durations(
            "end_to_end_s", Durations(shown_s - planned_s, end_s - planned_s, clusters)
        ),
        make.rate("late_rate", late, one, clusters),
        make.count("lost", int(lost.sum()), n, "messages"),
        make.rate("lost_rate", lost, one, clusters),
        make.count("visible_duplicates", int(extra[here].sum()), n, "messages"),
        make.rate(
            "visible_duplicate_rate",
            extra[here].astype(np.float64),
            ledger.expected[here].astype(np.float64),
            evidence.clusters[ledger.receiver[here]],
        ),
        suppressed(
            "suppressed_duplicates", ledger.suppressed_realtime_poll + ledger.suppressed_other
        ),
        suppressed("suppressed_duplicates.realtime_poll", ledger.suppressed_realtime_poll),
        suppressed("suppressed_duplicates.api_realtime", ledger.suppressed_normal),
    ]


def frozen_spans(evidence: Evidence) -> Spans:
    """When each user looked at a page that lacked a message of more than ``frozen_after_s`` ago."""
    ledger, presence = evidence.ledger, evidence.presence
    withdrawn_s = evidence.messages.table["withdrawn_s"].to_numpy(np.float64)[ledger.message]
    here = ledger.open_at_commit
    receiver = ledger.receiver[here]
    begin_s = ledger.committed_s[here] + evidence.history.settings.frozen_after_s
    end_s = np.minimum(ledger.shown_s[here], withdrawn_s[here])
    end_s = np.minimum(end_s, presence.closed_s[receiver])
    missing = union(Spans(receiver, begin_s, end_s).clipped(-np.inf, np.inf))
    return minus(missing, presence.hidden)


def frozen_cells(evidence: Evidence, make: CellMaker, frozen: Spans) -> list[Cell]:
    """Frozen seconds over the users who had their page open in the window."""
    count, window = len(make.scope.users), make.scope.window
    there = evidence.presence.page.clipped(window.begin_s, window.end_s).seconds(count) > 0
    users = make.scope.users & there
    seconds = frozen.clipped(window.begin_s, window.end_s).seconds(count)[users]
    samples = Durations(seconds, seconds, evidence.clusters[users])
    return make.durations("frozen_s", samples, _USER_STATS)
