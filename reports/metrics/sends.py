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
    "retries": "count",
    "rescued_sends": "messages",
    "stuck_pending": "messages",
    "left_pending": "messages",
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

    end_s = evidence.history.end_s
    planned_s = _floats(sends["planned_s"])
    acked_s = np.nan_to_num(_floats(sends["acked_s"]), nan=np.inf)
    given_up_s = np.nan_to_num(_floats(sends["ended_s"]), nan=end_s)
    ack = Durations(acked_s - planned_s, given_up_s - planned_s, clusters)
    return [
        per_attempt("send_timeout_rate", "timeouts"),
        per_attempt("send_error_rate", "refusals", "bad_answers"),
        per_attempt("send_error_rate.refused", "refusals"),
        per_attempt("send_error_rate.bad_answer", "bad_answers"),
        per_attempt("send_network_rate", "network_failures"),
        *make.durations("ack_s", ack),
        *_attempts(evidence, make, planned),
        *_fates(evidence, make, attempted),
        _amplification(evidence, make, planned),
    ]


def _attempts(evidence: Evidence, make: CellMaker, planned: np.ndarray) -> list[Cell]:
    """What people waited for, attempt by attempt, and what their retries were good for."""
    attempts = evidence.messages.attempts
    here = planned[attempts.message]
    # Whose page closed early had not waited to the end: how long it would have been, nobody knows.
    waited = here & ~attempts.left

    def since_start(end_s: Floats, known_until_s: Floats, chosen: np.ndarray) -> Durations:
        begun_s, message = attempts.started_s[chosen], attempts.message[chosen]
        clusters = evidence.clusters[evidence.sender[message]]
        return Durations(end_s[chosen] - begun_s, known_until_s[chosen] - begun_s, clusters)

    served = since_start(attempts.acked_s, attempts.ended_s, here)
    spun = since_start(attempts.spinner_off_s, attempts.page_closed_s, waited)
    sent = len(np.unique(attempts.message[here]))
    again = here & (attempts.number > 1)
    rescued = again & np.isfinite(attempts.acked_s)
    return [
        *make.durations("ack_service_s", served),
        *make.durations("spinner_s", spun),
        make.count("retries", int(again.sum()), sent),
        make.count("rescued_sends", len(np.unique(attempts.message[rescued])), sent, "messages"),
    ]


def _fates(evidence: Evidence, make: CellMaker, attempted: np.ndarray) -> list[Cell]:
    """Counted facts about messages, each with what it is counted among."""
    table = evidence.messages.table
    sends = table[attempted]
    failed = sends["shown_failed"].to_numpy(np.bool_)
    unacked = (sends["outcome"] != "ok").to_numpy(np.bool_)
    pending = sends["stuck_pending"].to_numpy(np.bool_)
    left = sends["left_pending"].to_numpy(np.bool_)
    by_others = evidence.ledger.shown_messages(own=False)[attempted]
    by_sender = evidence.ledger.shown_messages(own=True)[attempted]
    extra_rows = (sends["rows"] - 1).clip(lower=0)
    facts = (
        ("stuck_pending", pending.sum(), len(sends)),
        ("left_pending", left.sum(), len(sends)),
        ("duplicate_rows", extra_rows.sum(), (sends["rows"] > 0).sum()),
        ("lost_after_ack", sends["lost_after_ack"].sum(), sends["acked_s"].notna().sum()),
        ("ghost_sends", (failed & by_others).sum(), len(sends)),
        ("repaired_sends", (unacked & ~failed & ~pending & ~left & by_sender).sum(), len(sends)),
    )
    return [make.count(metric, int(value), int(n), "messages") for metric, value, n in facts]


def _amplification(evidence: Evidence, make: CellMaker, planned: np.ndarray) -> Cell:
    table = evidence.messages.table[planned]
    requests = (table["attempts"] + table["repeats"]).to_numpy(np.float64)
    clusters: Ints = evidence.clusters[evidence.sender[planned]]
    return make.rate("request_amplification", requests, np.ones(len(requests)), clusters)


def _floats(column: object) -> Floats:
    return np.asarray(column, dtype=np.float64)
