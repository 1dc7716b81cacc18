"""The rows of the report's tables, ready to be said in either language."""

from __future__ import annotations

from dataclasses import dataclass

from harness.receipts import Extent
from harness.runsettings import Text
from reports.metrics.skips import REASONS, SECOND_CLICK
from reports.model import EVERYBODY, RUN, Audit, Cell, MessageFault, Result, Window
from reports.render.facts import fault_words, rig_sentence
from reports.render.words import bound_words, cohort_name, gate_kind, metric_name, window_name
from reports.texts import Sayable, Sentence, sentence
from reports.texts.quantity import Quantity, of_cell

_SKIPPED_BY_REASON = tuple(f"skipped.{reason}" for reason in (*REASONS, SECOND_CLICK))
MAIN_METRICS = (
    "delivery_s.p50",
    "delivery_s.p99",
    "end_to_end_s.p99",
    "ack_s.p50",
    "ack_s.p99",
    "spinner_s.p99",
    "send_timeout_rate",
    "send_error_rate",
    "skipped",
    "skipped_rate",
    *_SKIPPED_BY_REASON,
    "stuck_pending",
    "lost",
    "lost_after_ack",
    "visible_duplicates",
    "duplicate_rows",
    "out_of_order",
    "stale_rows",
    "stale_s.p90",
    "late_rate",
    "frozen_s.p50",
    "frozen_s.max",
    "fallback_activations",
    "fallback_false_activations",
    "fallback_share",
    "fallback_detect_s.p50",
    "fallback_release_s.p50",
    "reconnect_attempts",
    "recover_s.p90",
    "poll_rate",
    "request_amplification",
    "channels_ended",
    "token_refreshes",
    "token_refresh_failures",
    "sign_outs",
)
"""Those of the table by window, in its order; ``metrics.json`` has them all."""
COHORT_METRICS = (
    "stuck_pending",
    "spinner_s.p90",
    "lost",
    "lost_rate",
    "late_rate",
    "delivery_s.p50",
    "frozen_s.p50",
    "frozen_s.max",
    "visible_duplicates",
    "out_of_order",
    "stale_rows",
    "recover_s.p90",
    "send_timeout_rate",
    "skipped",
    "fallback_activations",
    "fallback_false_activations",
    "fallback_share",
    "poll_rate",
    "reconnect_attempts",
    "channels_ended",
    "token_refreshes",
)
"""Those of the table of cohorts: first what people feel, then what it costs."""
MOST_WRONG = 200
"""Messages that are listed; the rest is in the ledger."""


@dataclass(frozen=True)
class GateRow:
    metric: Sentence
    metric_id: str
    where: Sentence
    bound: Sayable
    value: Quantity
    samples: Quantity
    result: Result
    reason: Text | None
    """Why it could not be judged; a failed one says all in its other columns."""


@dataclass(frozen=True)
class WindowColumn:
    name: Sentence
    begin: Quantity
    end: Quantity
    """Seconds after the load begins."""


@dataclass(frozen=True)
class Figure:
    value: Quantity
    samples: int = 0
    low: Quantity | None = None
    high: Quantity | None = None


@dataclass(frozen=True)
class WindowRow:
    metric: Sentence
    metric_id: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class WindowTable:
    """The main metrics of one cohort; a column for each of its windows."""

    cohort: Sayable
    columns: tuple[WindowColumn, ...]
    rows: tuple[WindowRow, ...]


@dataclass(frozen=True)
class CohortColumn:
    name: str
    policy: str
    users: Quantity


@dataclass(frozen=True)
class CohortTable:
    """The whole run, a column for each cohort."""

    columns: tuple[CohortColumn, ...]
    rows: tuple[WindowRow, ...]


@dataclass(frozen=True)
class ReceiptRow:
    """A fault, planned and measured; times are seconds after the load begins."""

    number: int
    name: str
    what: Sayable
    cohorts: Sayable
    planned_begin: Quantity
    planned_end: Quantity
    begin: Quantity
    end: Quantity
    extent: Sayable
    effect: Text
    problems: tuple[Text, ...]


@dataclass(frozen=True)
class WrongRow:
    kind: Sentence
    client_msg_id: str
    row_id: str
    room: int
    sender: int
    receivers: str
    committed: Quantity


@dataclass(frozen=True)
class RigRow:
    process: str
    cpu: Quantity
    lag: Quantity
    memory: Quantity


def gate_rows(audit: Audit) -> tuple[GateRow, ...]:
    """Every gate: the failed ones first, then the unclear, then the kept, each as written."""
    order = {"fail": 0, "invalid": 1, "pass": 2}
    return tuple(
        GateRow(
            metric=metric_name(gate.metric),
            metric_id=gate.metric,
            where=sentence(
                "where", window=window_name(gate.window), cohort=cohort_name(gate.cohort)
            ),
            bound=bound_words(gate),
            value=Quantity(gate.value, gate_kind(gate), gate.beyond),
            samples=Quantity(gate.n, "count"),
            result=gate.result,
            reason=gate.reason if gate.result == "invalid" else None,
        )
        for gate in sorted(audit.verdict.gates, key=lambda gate: order[gate.result])
    )


def cohort_table(audit: Audit) -> CohortTable | None:
    """The cohorts side by side; nothing to compare where there is one."""
    cohorts = audit.settings.cohorts
    if len(cohorts) < 2:
        return None
    rows = []
    for metric in COHORT_METRICS:
        cells = [audit.metrics.cell(metric, RUN, cohort.name) for cohort in cohorts]
        if any(cell is not None and cell.value is not None for cell in cells):
            figures = tuple(_figure(cell) for cell in cells)
            rows.append(WindowRow(metric_name(metric), metric, figures))
    columns = tuple(
        CohortColumn(one.name, one.policy, Quantity(one.users, "count")) for one in cohorts
    )
    return CohortTable(columns, tuple(rows)) if rows else None


def window_tables(audit: Audit) -> tuple[WindowTable, ...]:
    """A table for everybody and, where there are several, one for each cohort."""
    names = [cohort.name for cohort in audit.settings.cohorts]
    cohorts = [EVERYBODY, *(names if len(names) > 1 else [])]
    tables = (_window_table(audit, cohort) for cohort in cohorts)
    return tuple(table for table in tables if table.rows)


def _window_table(audit: Audit, cohort: str) -> WindowTable:
    windows = _in_order([w for w in audit.metrics.windows if w.cohort == cohort])
    cells = {(c.metric, c.window): c for c in audit.metrics.cells if c.cohort == cohort}
    rows = []
    for metric in MAIN_METRICS:
        found = [cells.get((metric, window.name)) for window in windows]
        values = [cell.value for cell in found if cell is not None and cell.value is not None]
        # Of the many reasons for which a send may be skipped, those that there were.
        if any(values) if metric in _SKIPPED_BY_REASON else values:
            figures = tuple(_figure(cell) for cell in found)
            rows.append(WindowRow(metric_name(metric), metric, figures))
    columns = tuple(
        WindowColumn(
            window_name(w.name), _after_load(audit, w.begin_s), _after_load(audit, w.end_s)
        )
        for w in windows
    )
    return WindowTable(cohort_name(cohort), columns, tuple(rows))


def _in_order(windows: list[Window]) -> list[Window]:
    """The whole run first, then the windows as they came."""
    return sorted(windows, key=lambda w: (w.name != RUN, w.begin_s, w.end_s, w.name))


def _figure(cell: Cell | None) -> Figure:
    value = of_cell(cell)
    if cell is None or cell.value is None:
        return Figure(value)
    if cell.interval is None or cell.beyond or cell.interval[0] == cell.interval[1]:
        return Figure(value, cell.n)
    low, high = (Quantity(edge, value.kind) for edge in cell.interval)
    return Figure(value, cell.n, low, high)


def _after_load(audit: Audit, at_s: float | None) -> Quantity:
    zero = audit.settings.load_begins_at_s
    return Quantity(None if at_s is None or zero is None else at_s - zero, "seconds")


def receipt_rows(audit: Audit) -> tuple[ReceiptRow, ...]:
    """Every fault in the order of the receipts."""
    everybody = {cohort.name for cohort in audit.settings.cohorts}
    return tuple(
        ReceiptRow(
            number=number,
            name=receipt.fault,
            what=fault_words(audit, receipt.fault),
            cohorts=sentence("everybody")
            if everybody <= set(receipt.cohorts)
            else ", ".join(receipt.cohorts),
            planned_begin=_after_load(audit, receipt.planned_begin_s),
            planned_end=_after_load(audit, receipt.planned_end_s),
            begin=_after_load(audit, receipt.first_effect_s),
            end=_after_load(audit, receipt.healed_s),
            extent=_extent(receipt.extent),
            effect=receipt.effect,
            problems=receipt.problems,
        )
        for number, receipt in enumerate(audit.receipts, start=1)
    )


def _extent(extent: Extent | None) -> Sentence:
    if extent is None:
        return sentence("receipts.unmeasured")
    hit, of = Quantity(extent.hit, "count"), Quantity(extent.of, "count")
    return sentence(f"receipts.extent_{extent.unit}", hit=hit, of=of)


def wrong_rows(audit: Audit) -> tuple[WrongRow, ...]:
    """The first :data:`MOST_WRONG` messages that went wrong."""
    return tuple(_wrong_row(message) for message in audit.wrong[:MOST_WRONG])


@dataclass(frozen=True)
class LostExtent:
    """How far a loss went: a message may be missing on one screen or on many."""

    messages: int
    of: int
    """Messages that were sent."""
    deliveries: int


def lost_extent(audit: Audit) -> LostExtent:
    """Lost messages and the screens that miss them."""
    lost = [message for message in audit.wrong if message.kind == "lost"]
    sent = audit.metrics.cell("stuck_pending")
    return LostExtent(
        messages=len(lost),
        of=max(len(lost), sent.n if sent is not None else 0),
        deliveries=sum(len(message.receivers) for message in lost),
    )


def _wrong_row(message: MessageFault) -> WrongRow:
    return WrongRow(
        kind=sentence(f"wrong.{message.kind}"),
        client_msg_id=message.client_msg_id,
        row_id="" if message.row_id is None else str(message.row_id),
        room=message.room,
        sender=message.sender,
        receivers=", ".join(map(str, message.receivers)),
        committed=Quantity(message.committed_at_s, "seconds"),
    )


def rig_rows(audit: Audit) -> tuple[RigRow, ...]:
    """The processes of the rig, each with its worst moments."""
    return tuple(
        RigRow(
            process,
            Quantity(cpu_share, "share"),
            Quantity(loop_lag_s, "seconds"),
            Quantity(rss_mib, "mebibytes"),
        )
        for process, cpu_share, loop_lag_s, rss_mib in audit.rig_table
    )


def rig_findings(audit: Audit) -> tuple[tuple[str, Sentence], ...]:
    """Level and sentence of each finding, fatal ones first."""
    ordered = sorted(audit.verdict.rig, key=lambda finding: finding.level != "fatal")
    return tuple((f.level, rig_sentence(f.what, f.sentence)) for f in ordered)
