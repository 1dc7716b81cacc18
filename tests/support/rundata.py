"""A finished run directory, read for assertions."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from harness.receipts import Receipt, ReceiptBook
from harness.recorder import Record, read_record
from harness.records import Event
from harness.runsettings import PlannedSend, RunSettings
from reports.model import Metrics, Verdict

E = TypeVar("E", bound=Event)


def verdict(out: Path) -> Verdict:
    return msgspec.json.decode((out / "verdict.json").read_bytes(), type=Verdict)


def settings(out: Path) -> RunSettings:
    return msgspec.json.decode((out / "settings.json").read_bytes(), type=RunSettings)


def figure(out: Path, metric: str, window: str = "run", cohort: str = "all") -> float:
    """The value of a cell that must be there."""
    metrics = msgspec.json.decode((out / "metrics.json").read_bytes(), type=Metrics)
    cell = metrics.cell(metric, window, cohort)
    assert cell is not None, (metric, window, cohort)
    assert cell.value is not None, (metric, window, cohort)
    return cell.value


def receipt(out: Path, fault: str) -> Receipt:
    book = msgspec.json.decode((out / "receipts.json").read_bytes(), type=ReceiptBook)
    return next(r for r in book.receipts if r.fault == fault)


def plan(out: Path) -> list[PlannedSend]:
    return msgspec.json.Decoder(PlannedSend).decode_lines((out / "plan.jsonl").read_bytes())


def records(out: Path) -> list[Record]:
    """The records of the processes that carried users."""
    return [read_record(path) for path in sorted((out / "events").glob("load*.cqr"))]


def events(out: Path, kind: type[E]) -> list[E]:
    """All events of a kind, by time."""
    found = [e for record in records(out) for _, e in record.events if isinstance(e, kind)]
    return sorted(found, key=lambda event: event.t_s)
