"""What senders went through. A send belongs to the window of its planned moment."""

from __future__ import annotations

import numpy as np

from reports.evidence import Evidence
from reports.metrics.cells import STATS, CellMaker, Unit
from reports.model import Cell
from reports.percentile import Durations
from reports.spans import Floats, Ints

UNITS: dict[str, Unit] = {
    "send_timeout_rate": "1",
    "send_error_rate": "1",
    "send_error_rate.refused": "1",
    "send_error_rate.bad_answer": "1",
    "send_network_rate": "1",
    **{f"ack_s.{stat}": "s" for stat in STATS},
    **{f"ack_service_s.{stat}": "s" for stat in STATS},
    **{f"spinner_s.{stat}": "s" for stat in STATS},
    "stuck_pending": "messages",
    "duplicate_rows": "messages",
    "lost_after_ack": "messages",
    "ghost_sends": "messages",
    "repaired_sends": "messages",
    "request_amplification": "1",
}


def send_cells(evidence: Evidence, make: CellMaker) -> list[Cell]:
    """All figures of senders in one window and cohort."""
    table, sender = evidence.messages.table, evidence.sender
    users = np.append(make.scope.users, False)  # A sender of -1 reads this last one.
    planned = users[sender] & make.scope.contains(table["planned_s"].to_numpy(np.float64))
    attempted = planned & (table["attempts"].to_numpy() > 0)
    sends = table[attempted]
    clusters = evidence.clusters[sender[attempted]]
    attempts = _floats(sends["attempts"])

    def per_attempt(metric: str, *columns: str) -> Cell:
        hits = sum((_floats(sends[column]) for column in columns), np.zeros(len(sends)))
        return make.rate(metric, hits, attempts, clusters)

    def from_to(metric: str, begin: str, end: str, known_until: Floats) -> list[Cell]:
        begin_s = _floats(sends[begin])
        took = np.nan_to_num(_floats(sends[end]) - begin_s, nan=np.inf)
        return make.durations(metric, Durations(took, known_until - begin_s, clusters))

    end_s = evidence.history.end_s
    given_up_s = np.nan_to_num(_floats(sends["ended_s"]), nan=end_s)
    return [
        per_attempt("send_timeout_rate", "timeouts"),
        per_attempt("send_error_rate", "refusals", "bad_answers"),
        per_attempt("send_error_rate.refused", "refusals"),
        per_attempt("send_error_rate.bad_answer", "bad_answers"),
        per_attempt("send_network_rate", "network_failures"),
        *from_to("ack_s", "planned_s", "acked_s", given_up_s),
        *from_to("ack_service_s", "started_s", "acked_s", given_up_s),
        *from_to("spinner_s", "started_s", "spinner_off_s", np.full(len(sends), end_s)),
        *_fates(evidence, make, attempted),
        _amplification(evidence, make, planned),
    ]


def _fates(evidence: Evidence, make: CellMaker, attempted: np.ndarray) -> list[Cell]:
    """Counted facts about messages, each with what it is counted among."""
    table = evidence.messages.table
    sends = table[attempted]
    failed = sends["shown_failed"].to_numpy(np.bool_)
    unacked = (sends["outcome"] != "ok").to_numpy(np.bool_)
    pending = sends["stuck_pending"].to_numpy(np.bool_)
    by_others = evidence.ledger.shown_messages(own=False)[attempted]
    by_sender = evidence.ledger.shown_messages(own=True)[attempted]
    extra_rows = (sends["rows"] - 1).clip(lower=0)
    facts = (
        ("stuck_pending", pending.sum(), len(sends)),
        ("duplicate_rows", extra_rows.sum(), (sends["rows"] > 0).sum()),
        ("lost_after_ack", sends["lost_after_ack"].sum(), sends["acked_s"].notna().sum()),
        ("ghost_sends", (failed & by_others).sum(), len(sends)),
        ("repaired_sends", (unacked & ~failed & ~pending & by_sender).sum(), len(sends)),
    )
    return [make.count(metric, int(value), int(n), "messages") for metric, value, n in facts]


def _amplification(evidence: Evidence, make: CellMaker, planned: np.ndarray) -> Cell:
    table = evidence.messages.table[planned]
    requests = (table["attempts"] + table["repeats"]).to_numpy(np.float64)
    clusters: Ints = evidence.clusters[evidence.sender[planned]]
    return make.rate("request_amplification", requests, np.ones(len(requests)), clusters)


def _floats(column: object) -> Floats:
    return np.asarray(column, dtype=np.float64)
