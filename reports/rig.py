"""What the harness says about itself: fatal findings make a run invalid, warnings are told.

Every finding carries the number that decided it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from harness.records import Path
from harness.runsettings import Text
from reports.evidence import Evidence
from reports.machine import LOAD, machine_findings
from reports.messages import NOT_MADE, SKIPPED
from reports.model import RigFinding
from reports.percentile import percentile

_UNMADE_SHARE = 0.01
_SKIPPED_SHARE = 0.02
_LATE_P99_S = 1.0
_STRANGE_SHARE = 0.001
_NO_END = "it has no end, or its end has other counts"


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
        *machine_findings(evidence),
    ]
    return tuple(sorted(found, key=lambda finding: finding.level != "fatal"))


def _finding(level: Literal["fatal", "warning"], what: str, en: str, ko: str) -> RigFinding:
    return RigFinding(level=level, what=what, sentence=Text(en, ko))


def _run(evidence: Evidence) -> Iterator[RigFinding]:
    settings = evidence.history.settings
    if settings.interrupted and settings.interrupted not in settings.broken:
        yield _interrupted(settings.interrupted)
    for part in settings.broken:
        yield _finding("fatal", "rig_broken", part, f"“{part}”")
    if settings.load_begins_at_s is None:
        en, ko = "the load never began", "부하가 시작되지 않았습니다"
        yield _finding("fatal", "no_load", en, ko)
    elif settings.ended_at_s is None:
        yield _finding(
            "fatal", "interrupted", "the run has no end: it was cut", "실행의 끝이 없습니다"
        )


def _interrupted(why: str) -> RigFinding:
    if why == "interrupted":
        en = "the run was interrupted by Ctrl-C or a request to stop"
        ko = "Ctrl-C 또는 중지 요청으로 실행이 중단되었습니다"
    else:
        en, ko = f"the run was interrupted: {why}", f"실행이 중단되었습니다: “{why}”"
    return _finding("fatal", "interrupted", en, ko)


def _traffic(evidence: Evidence) -> Iterator[RigFinding]:
    history = evidence.history
    sends = int(evidence.messages.table["attempts"].sum())
    commits, deliveries = len(history.commits), len(history.deliveries)
    if not (sends and commits and deliveries):
        yield _finding(
            "fatal",
            "no_traffic",
            f"sends attempted: {sends}, commits: {commits}, deliveries: {deliveries}",
            f"전송 시도 {sends}회, 저장 {commits}건, 전달 {deliveries}건",
        )


def _records(evidence: Evidence) -> Iterator[RigFinding]:
    records, wanted = evidence.history.records, evidence.history.settings.processes
    carrying = sum(record.process.startswith(LOAD) for record in records)
    if carrying < wanted:
        en = f"records of {carrying} of {wanted} load processes are there"
        ko = f"부하 프로세스 {wanted}개 중 {carrying}개의 기록만 있습니다"
        yield _finding("fatal", "record_cut", en, ko)
    for record in records:
        if not record.complete:
            name, why = record.process, record.damage
            en = f"the record of {name} is cut: {why or _NO_END}"
            ko = f"{name} 프로세스의 기록이 잘렸습니다" + (f"(“{why}”)" if why else "")
            yield _finding("fatal", "record_cut", en, ko)


def _damages(evidence: Evidence) -> Iterator[RigFinding]:
    for damage in evidence.history.damages:
        level: Literal["fatal", "warning"] = "fatal"
        if damage.file == "commits.jsonl":
            what = "commit_log_damaged"
        elif damage.file.startswith("events/"):
            what = "record_cut"
        elif damage.file == "receipts.json" and evidence.history.settings.faults:
            what = "receipt_missing"
        else:
            level, what = "warning", "file_damaged"
        yield RigFinding(level=level, what=what, sentence=damage.sentence)


def _receipts(evidence: Evidence) -> Iterator[RigFinding]:
    settings, receipts = evidence.history.settings, evidence.history.receipts
    if settings.interrupted:
        return  # What was still to come has no receipt, and the run is invalid as it is.
    names = {receipt.fault for receipt in receipts}
    for fault in settings.faults:
        if fault.name not in names:
            en = f"fault {fault.name} has no receipt: nothing shows that it happened"
            ko = f"{fault.name} 장애의 측정 기록이 없습니다"
            yield _finding("fatal", "receipt_missing", en, ko)
    for receipt in receipts:
        problems = list(receipt.problems)
        if not problems and receipt.first_effect_s is None:
            problems = [Text("no probe ever felt it", "영향을 받은 탐침이 없습니다")]
        elif not problems and receipt.healed_s is None:
            problems = [Text("no good probe came after it", "그 뒤에 정상인 탐침이 없었습니다")]
        if problems:
            en = "; ".join(problem.en for problem in problems)
            ko = "; ".join(problem.ko for problem in problems)
            name = receipt.fault
            yield _finding("fatal", "receipt_unsound", f"fault {name}: {en}", f"{name} 장애: {ko}")


def _users(evidence: Evidence) -> Iterator[RigFinding]:
    opened, wanted = len(evidence.history.users), evidence.history.settings.users
    if opened < wanted:
        en = f"{wanted - opened} of {wanted} users never opened their page"
        ko = f"사용자 {wanted}명 중 {wanted - opened}명입니다"
        yield _finding("fatal", "users_missing", en, ko)


def _sends(evidence: Evidence) -> Iterator[RigFinding]:
    table = evidence.messages.table
    if table.empty:
        return
    planned = len(table)
    unmade = int((table["outcome"] == NOT_MADE).sum())
    if unmade > _UNMADE_SHARE * planned:
        en = (
            f"{unmade} of {planned} planned sends were neither made nor skipped with a reason "
            f"(limit {_UNMADE_SHARE:.0%})"
        )
        ko = f"계획한 {planned}건 중 {unmade}건이 이유 없이 빠졌습니다(한도 {_UNMADE_SHARE:.0%})"
        yield _finding("fatal", "sends_missing", en, ko)
    # S6 is there to refuse the second click of a double click: no gap in the load.
    missed = table[(table["outcome"] == SKIPPED) & ~table["second_click"]]
    if len(missed) > _SKIPPED_SHARE * planned:
        reasons = missed["skipped"].value_counts().sort_index()
        each = ", ".join(f"{reason} {number}" for reason, number in reasons.items())
        en = f"{len(missed)} of {planned} planned sends were skipped with a reason: {each}"
        ko = f"계획한 {planned}건 중 {len(missed)}건입니다({each})"
        yield _finding("warning", "sends_skipped", en, ko)
    late_s = (table["started_s"] - table["planned_s"]).dropna().to_numpy(np.float64)
    if len(late_s):
        p99_s = percentile(late_s, 99)
        if p99_s > _LATE_P99_S:
            en = f"1% of sends started more than {p99_s:.2f} s late (limit {_LATE_P99_S:g} s)"
            ko = f"전송의 1%가 {p99_s:.2f}초 넘게 늦게 시작되었습니다(한도 {_LATE_P99_S:g}초)"
            yield _finding("fatal", "sends_late", en, ko)


def _strangers(evidence: Evidence) -> Iterator[RigFinding]:
    """Rows on screens that the commit log does not know; old rows come with the history."""
    history = evidence.history
    arrived = history.deliveries[history.deliveries["path"] != Path.HISTORY]
    known = history.commits.loc[history.commits["op"] == "INSERT", "row_id"]
    strange, total = int((~arrived["row_id"].isin(known)).sum()), len(arrived)
    if strange > _STRANGE_SHARE * total:
        en = f"{strange} of {total} deliveries show rows that no commit explains"
        ko = f"전달 {total}건 중 {strange}건의 행이 저장 기록에 없습니다"
        yield _finding("fatal", "unknown_rows", en, ko)
