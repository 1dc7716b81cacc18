"""What the harness says about itself: fatal findings make a run invalid, warnings are told.

Every finding carries the number that decided it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal

import numpy as np

from harness.records import Path, RigSample
from reports.evidence import Evidence
from reports.messages import NOT_MADE, SKIPPED
from reports.model import RigFinding
from reports.percentile import percentile

LOAD = "load"
"""Names of processes that carry users begin so."""

_LAG_S, _LAG_SHARE, _LAG_ONCE_S = 0.5, 0.02, 2.0
_BUSY, _BUSY_SHARE = 0.95, 0.10
_UNMADE_SHARE = 0.01
_SKIPPED_SHARE = 0.02
_LATE_P99_S = 1.0
_STRANGE_SHARE = 0.001


def findings(evidence: Evidence) -> tuple[RigFinding, ...]:
    """Everything about the rig that a reader must know, fatal ones first."""
    found = [
        *_run(evidence),
        *_traffic(evidence),
        *_records(evidence),
        *_damages(evidence),
        *_receipts(evidence),
        *_users(evidence),
        *_sends(evidence),
        *_strangers(evidence),
        *_load_processes(evidence),
        *_other_processes(evidence),
    ]
    return tuple(sorted(found, key=lambda finding: finding.level != "fatal"))


def samples_by_process(samples: Sequence[RigSample]) -> dict[str, list[RigSample]]:
    """The samples of each process, by its name in order."""
    ordered = sorted(samples, key=lambda s: s.process)
    return {name: list(group) for name, group in groupby(ordered, key=lambda s: s.process)}


def _finding(level: Literal["fatal", "warning"], what: str, sentence: str) -> RigFinding:
    return RigFinding(level=level, what=what, sentence=sentence)


def _run(evidence: Evidence) -> Iterator[RigFinding]:
    settings = evidence.history.settings
    if settings.interrupted:
        yield _finding("fatal", "interrupted", f"the run was interrupted: {settings.interrupted}")
    for part in settings.broken:
        yield _finding("fatal", "rig_broken", f"a part of the rig broke: {part}")
    if settings.load_begins_at_s is None:
        yield _finding("fatal", "no_load", "the load never began")
    elif settings.ended_at_s is None:
        yield _finding("fatal", "interrupted", "the run has no end: it was cut")


def _traffic(evidence: Evidence) -> Iterator[RigFinding]:
    history = evidence.history
    counts = {
        "sends attempted": int(evidence.messages.table["attempts"].sum()),
        "commits": len(history.commits),
        "deliveries": len(history.deliveries),
    }
    missing = [name for name, count in counts.items() if not count]
    if missing:
        said = ", ".join(f"{count} {name}" for name, count in counts.items())
        yield _finding("fatal", "no_traffic", f"there was no traffic to judge: {said}")


def _records(evidence: Evidence) -> Iterator[RigFinding]:
    records, wanted = evidence.history.records, evidence.history.settings.processes
    carrying = sum(record.process.startswith(LOAD) for record in records)
    if carrying < wanted:
        sentence = f"records of {carrying} of {wanted} load processes are there"
        yield _finding("fatal", "record_cut", sentence)
    for record in records:
        if not record.complete:
            why = record.damage or "it has no end, or its end has other counts"
            yield _finding("fatal", "record_cut", f"the record of {record.process} is cut: {why}")


def _damages(evidence: Evidence) -> Iterator[RigFinding]:
    for damage in evidence.history.damages:
        if damage.file == "commits.jsonl":
            yield _finding("fatal", "commit_log_damaged", damage.sentence)
        elif damage.file.startswith("events/"):
            yield _finding("fatal", "record_cut", damage.sentence)
        elif damage.file == "receipts.json" and evidence.history.settings.faults:
            yield _finding("fatal", "receipt_missing", damage.sentence)
        else:
            yield _finding("warning", "file_damaged", damage.sentence)


def _receipts(evidence: Evidence) -> Iterator[RigFinding]:
    settings, receipts = evidence.history.settings, evidence.history.receipts
    names = {receipt.fault for receipt in receipts}
    for fault in settings.faults:
        if fault.name not in names:
            sentence = f"fault {fault.name} has no receipt: nothing proves that it happened"
            yield _finding("fatal", "receipt_missing", sentence)
    for receipt in receipts:
        problems = list(receipt.problems)
        if not problems and receipt.first_effect_s is None:
            problems = ["no probe ever felt it"]
        elif not problems and receipt.healed_s is None:
            problems = ["no good probe came after it"]
        if problems:
            sentence = f"the receipt of {receipt.fault} is no proof: {'; '.join(problems)}"
            yield _finding("fatal", "receipt_unsound", sentence)


def _users(evidence: Evidence) -> Iterator[RigFinding]:
    opened, wanted = len(evidence.history.users), evidence.history.settings.users
    if opened < wanted:
        sentence = f"{wanted - opened} of {wanted} users never opened their page"
        yield _finding("fatal", "users_missing", sentence)


def _sends(evidence: Evidence) -> Iterator[RigFinding]:
    table = evidence.messages.table
    if table.empty:
        return
    planned = len(table)
    unmade = int((table["outcome"] == NOT_MADE).sum())
    if unmade > _UNMADE_SHARE * planned:
        sentence = (
            f"{unmade} of {planned} planned sends were neither made nor skipped with a reason "
            f"(limit {_UNMADE_SHARE:.0%})"
        )
        yield _finding("fatal", "sends_missing", sentence)
    skipped = int((table["outcome"] == SKIPPED).sum())
    if skipped > _SKIPPED_SHARE * planned:
        sentence = f"{skipped} of {planned} planned sends were skipped with a reason"
        yield _finding("warning", "sends_skipped", sentence)
    late_s = (table["started_s"] - table["planned_s"]).dropna().to_numpy(np.float64)
    if len(late_s):
        p99_s = percentile(late_s, 99)
        if p99_s > _LATE_P99_S:
            sentence = f"1% of sends started more than {p99_s:.2f} s late (limit {_LATE_P99_S:g} s)"
            yield _finding("fatal", "sends_late", sentence)


def _strangers(evidence: Evidence) -> Iterator[RigFinding]:
    """Rows on screens that the commit log does not know; old rows come with the history."""
    history = evidence.history
    arrived = history.deliveries[history.deliveries["path"] != Path.HISTORY]
    known = history.commits.loc[history.commits["op"] == "INSERT", "row_id"]
    strange = int((~arrived["row_id"].isin(known)).sum())
    if strange > _STRANGE_SHARE * len(arrived):
        sentence = f"{strange} of {len(arrived)} deliveries show rows that no commit explains"
        yield _finding("fatal", "unknown_rows", sentence)


def _load_processes(evidence: Evidence) -> Iterator[RigFinding]:
    by_process = _samples_of_the_load(evidence)
    if not any(process.startswith(LOAD) for process in by_process):
        sentence = "no load process was watched, so nothing shows that it kept up"
        yield _finding("fatal", "generator_unwatched", sentence)
    for process, samples in by_process.items():
        if not process.startswith(LOAD):
            continue
        count = len(samples)
        worst_s = max(sample.loop_lag_s for sample in samples)
        lagging = sum(sample.loop_lag_s > _LAG_S for sample in samples)
        busy = sum(sample.cpu_share >= _BUSY for sample in samples)
        if worst_s > _LAG_ONCE_S or lagging > _LAG_SHARE * count:
            sentence = (
                f"{process} did not keep up: timers were more than {_LAG_S:g} s late in "
                f"{lagging} of {count} samples, {worst_s:.2f} s at worst"
            )
            yield _finding("fatal", "generator_starved", sentence)
        if busy > _BUSY_SHARE * count:
            sentence = (
                f"{process} used {_BUSY:.0%} of its core or more in {busy} of {count} samples"
            )
            yield _finding("fatal", "generator_starved", sentence)


def _other_processes(evidence: Evidence) -> Iterator[RigFinding]:
    for process, samples in _samples_of_the_load(evidence).items():
        busy = sum(sample.cpu_share >= _BUSY for sample in samples)
        if not process.startswith(LOAD) and busy > _BUSY_SHARE * len(samples):
            sentence = (
                f"{process} used {_BUSY:.0%} of a core or more in {busy} of {len(samples)} "
                "samples: its slowness may be this machine's"
            )
            yield _finding("warning", "process_saturated", sentence)


def _samples_of_the_load(evidence: Evidence) -> dict[str, list[RigSample]]:
    """Starting many users at once is busy by nature and judges nobody."""
    history = evidence.history
    samples = [
        sample
        for sample in history.events.of(RigSample)
        if history.begin_s <= sample.t_s <= history.end_s
    ]
    return samples_by_process(samples)
