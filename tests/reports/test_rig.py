"""Each finding about the rig is raised by what it is about, and by nothing in a clean run."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
import pytest

from harness.receipts import Receipt, ReceiptBook
from harness.recorder import Record
from harness.records import Delivery, Event, Fate, Path, SendSkipped, SendStarted
from harness.runsettings import RunSettings, Text
from reports.evidence import gather
from reports.history import Damage, assemble
from reports.model import RigFinding
from reports.rig import findings
from tests.support.small_history import (
    committed,
    fault,
    opened,
    planned,
    receipt,
    record,
    rig_sample,
    settings,
)

SENDS = 200


def start(number: int, *, late_s: float = 0.0) -> Event:
    planned_s = 100.0 + number / 10
    return SendStarted(
        t_s=planned_s + late_s,
        user=0,
        number=number,
        planned_s=planned_s,
        client_msg_id=f"m0-{number}",
        attempt=1,
    )


class Clean:
    """A good run whose parts a test replaces."""

    def __init__(self) -> None:
        self.settings: RunSettings = settings(users=2, faults=(fault("x"),))
        self.plan = [planned(0, number, number / 10) for number in range(SENDS)]
        self.starts: list[Event] = [start(number) for number in range(SENDS)]
        self.others: list[Event] = [opened(0), opened(1)]
        self.samples: list[Event] = [rig_sample(100.5 + second) for second in range(50)]
        self.deliveries = [
            Delivery(100.1 + number / 10, 1, number, Path.REALTIME, Fate.SHOWN)
            for number in range(SENDS)
        ]
        self.commits = [
            committed(number + 1, number, f"m0-{number}", 100.05 + number / 10)
            for number in range(SENDS)
        ]
        self.receipts: list[Receipt] = [receipt("x", 110, 120)]
        self.damages: list[Damage] = []
        self.complete = True

    def findings(self) -> tuple[RigFinding, ...]:
        events = sorted([*self.starts, *self.others, *self.samples], key=lambda e: e.t_s)
        records: list[Record] = [record(self.deliveries, events, complete=self.complete)]
        whole = assemble(
            self.settings,
            plan=self.plan,
            commits=self.commits,
            subscriptions=(),
            book=ReceiptBook(receipts=tuple(self.receipts), probes=()),
            records=records,
            damages=self.damages,
        )
        return findings(gather(whole))


def no_receipt(run: Clean) -> None:
    run.receipts = []


def unsound_receipt(run: Clean) -> None:
    run.receipts = [
        msgspec.structs.replace(run.receipts[0], problems=(Text("no probe bit", "영향 없음"),))
    ]


def unhealed_receipt(run: Clean) -> None:
    run.receipts = [receipt("x", 110, None)]


def no_deliveries(run: Clean) -> None:
    run.deliveries = []


def slow_once(run: Clean) -> None:
    run.samples[3] = rig_sample(103.5, lag=2.1)


def slow_often(run: Clean) -> None:
    run.samples[3:5] = [rig_sample(103.5, lag=0.6), rig_sample(104.5, lag=0.6)]


def busy_load(run: Clean) -> None:
    run.samples[:6] = [rig_sample(100.5 + second, cpu=0.96) for second in range(6)]


def busy_server(run: Clean) -> None:
    run.samples += [rig_sample(101.0 + s, process="server", cpu=0.99) for s in range(10)]


def waiting_load(run: Clean) -> None:
    run.samples[:3] = [rig_sample(100.5 + second, wait=0.6) for second in range(3)]


def waiting_server(run: Clean) -> None:
    run.samples += [
        rig_sample(101.0 + s, process="server", wait=1.4 if s < 5 else 0.1) for s in range(40)
    ]


def short_of_cpu(run: Clean) -> None:
    run.samples[:3] = [rig_sample(100.5 + second, wait=0.3) for second in range(3)]


def slow_conductor(run: Clean) -> None:
    run.samples.append(rig_sample(103.0, process="conductor", lag=2.1))


def stalled_disk(run: Clean) -> None:
    run.commits[50] = committed(51, 50, "m0-50", 105.05, took_s=1.52)


def slow_disk(run: Clean) -> None:
    run.commits[50] = committed(51, 50, "m0-50", 105.05, took_s=0.31)


def unwatched(run: Clean) -> None:
    run.samples = []


def cut_record(run: Clean) -> None:
    run.complete = False


def missing_process(run: Clean) -> None:
    run.settings = msgspec.structs.replace(run.settings, processes=2)


def damaged_commits(run: Clean) -> None:
    run.damages = [
        Damage(
            "commits.jsonl", Text("commits.jsonl line 3: cut", "commits.jsonl 3번째 줄에서 끊김")
        )
    ]


def damaged_subscriptions(run: Clean) -> None:
    run.damages = [
        Damage(
            "subscriptions.jsonl",
            Text("subscriptions.jsonl line 3: cut", "subscriptions.jsonl 3번째 줄에서 끊김"),
        )
    ]


def missing_user(run: Clean) -> None:
    run.settings = msgspec.structs.replace(run.settings, users=3)


def missing_sends(run: Clean) -> None:
    run.starts = run.starts[:-3]


def skipped_sends(run: Clean) -> None:
    run.starts = run.starts[:-5]
    run.others += [
        SendSkipped(t_s=119.9, user=0, number=number, planned_s=119.9, reason="offline")
        for number in range(SENDS - 5, SENDS)
    ]


def second_clicks(run: Clean) -> None:
    """S6 refuses the other click of a double click: as it should be."""
    skipped_sends(run)
    run.plan[-5:] = [msgspec.structs.replace(p, second_click=True) for p in run.plan[-5:]]


def late_sends(run: Clean) -> None:
    run.starts[:3] = [start(number, late_s=1.5) for number in range(3)]


def strange_rows(run: Clean) -> None:
    run.deliveries.append(Delivery(130.0, 1, 999, Path.REALTIME, Fate.SHOWN))


def interrupted(run: Clean) -> None:
    run.settings = msgspec.structs.replace(run.settings, interrupted="Ctrl-C")


def broken(run: Clean) -> None:
    run.settings = msgspec.structs.replace(run.settings, broken=("the server died",))


def without_end(run: Clean) -> None:
    run.settings = msgspec.structs.replace(run.settings, ended_at_s=None)


def without_load(run: Clean) -> None:
    run.settings = msgspec.structs.replace(run.settings, load_begins_at_s=None)


TABLE: list[tuple[Callable[[Clean], None], str, str, str]] = [
    (no_receipt, "fatal", "receipt_missing", "fault x has no receipt"),
    (unsound_receipt, "fatal", "receipt_unsound", "no probe bit"),
    (unhealed_receipt, "fatal", "receipt_unsound", "no good probe came after it"),
    (no_deliveries, "fatal", "no_traffic", "deliveries: 0"),
    (slow_once, "fatal", "generator_starved", "2.10 s at worst"),
    (slow_often, "fatal", "generator_starved", "2 of 50 samples"),
    (busy_load, "fatal", "generator_starved", "6 of 50 samples"),
    (busy_server, "warning", "process_saturated", "10 of 10 samples"),
    (waiting_load, "fatal", "generator_starved", "more than 50% of the time in 3 of 50 samples"),
    (waiting_server, "fatal", "rig_starved", "5 of 40 samples, 100% at worst"),
    (short_of_cpu, "warning", "process_saturated", "more than 25% of the time in 3 of 50"),
    (slow_conductor, "fatal", "rig_starved", "conductor did not keep up"),
    (stalled_disk, "fatal", "commit_stalled", "took 1.52 s (limit 1 s)"),
    (slow_disk, "warning", "commit_stalled", "took 0.31 s"),
    (unwatched, "fatal", "generator_unwatched", "no load process"),
    (cut_record, "fatal", "record_cut", "load-0"),
    (missing_process, "fatal", "record_cut", "1 of 2 load processes"),
    (damaged_commits, "fatal", "commit_log_damaged", "line 3"),
    (damaged_subscriptions, "warning", "file_damaged", "line 3"),
    (missing_user, "fatal", "users_missing", "1 of 3 users"),
    (missing_sends, "fatal", "sends_missing", "3 of 200"),
    (
        skipped_sends,
        "warning",
        "sends_skipped",
        "5 of 200 planned sends were skipped with a reason: offline 5",
    ),
    (late_sends, "fatal", "sends_late", "1.50 s late"),
    (strange_rows, "fatal", "unknown_rows", "1 of 201"),
    (interrupted, "fatal", "interrupted", "Ctrl-C"),
    (broken, "fatal", "rig_broken", "the server died"),
    (without_end, "fatal", "interrupted", "no end"),
    (without_load, "fatal", "no_load", "never began"),
]


def test_a_clean_run_has_no_findings() -> None:
    assert Clean().findings() == ()


@pytest.mark.parametrize(
    ("spoil", "level", "what", "said"), TABLE, ids=[row[0].__name__ for row in TABLE]
)
def test_a_spoiled_run_has_its_finding(
    spoil: Callable[[Clean], None], level: str, what: str, said: str
) -> None:
    run = Clean()
    spoil(run)
    found = run.findings()
    assert (level, what) in {(finding.level, finding.what) for finding in found}
    assert any(said in finding.sentence.en for finding in found if finding.what == what)


@pytest.mark.parametrize("spoil", [row[0] for row in TABLE], ids=[row[0].__name__ for row in TABLE])
def test_a_finding_says_in_korean_what_it_says_in_english(spoil: Callable[[Clean], None]) -> None:
    run = Clean()
    spoil(run)
    for finding in run.findings():
        own = re.sub("“[^”]*”", "", finding.sentence.ko)  # what somebody else said is quoted
        assert not re.search(r"[A-Za-z]+ [A-Za-z]+ [A-Za-z]+", own), own
        quoted_whole = finding.sentence.ko.startswith("“")
        assert quoted_whole or re.search("[가-힣]", own)
        numbers = set(re.findall(r"\d[\d.]*\d|\d", finding.sentence.en))
        assert numbers <= set(re.findall(r"\d[\d.]*\d|\d", finding.sentence.ko)), own


def test_refused_second_clicks_are_no_gap_in_the_load() -> None:
    run = Clean()
    second_clicks(run)
    assert run.findings() == ()


def test_an_interrupted_run_does_not_complain_of_faults_that_were_still_to_come() -> None:
    run = Clean()
    no_receipt(run)
    interrupted(run)
    assert {finding.what for finding in run.findings()} == {"interrupted"}


def test_what_broke_and_thereby_ended_the_run_is_told_once() -> None:
    run = Clean()
    why = "the server died"
    run.settings = msgspec.structs.replace(run.settings, interrupted=why, broken=(why,))
    assert [finding.what for finding in run.findings()] == ["rig_broken"]


def almost_slow(run: Clean) -> None:
    run.samples[3] = rig_sample(103.5, lag=1.9)


def almost_waiting(run: Clean) -> None:
    run.samples[:2] = [rig_sample(100.5 + second, wait=0.9) for second in range(2)]


def threads_of_toxiproxy(run: Clean) -> None:
    run.samples += [rig_sample(101.0 + s, process="toxiproxy", wait=0.9) for s in range(40)]


def a_system_that_does_not_count(run: Clean) -> None:
    run.samples = [rig_sample(100.5 + second, wait=None) for second in range(50)]


def a_commit_of_a_busy_disk(run: Clean) -> None:
    run.commits[50] = committed(51, 50, "m0-50", 105.05, took_s=0.24)


def almost_busy(run: Clean) -> None:
    run.samples[:5] = [rig_sample(100.5 + second, cpu=0.99) for second in range(5)]


def busy_before_the_load(run: Clean) -> None:
    run.samples += [rig_sample(90.0 + second, cpu=1.0, lag=3.0) for second in range(9)]


def few_missing_sends(run: Clean) -> None:
    run.starts = run.starts[:-2]


def two_late_sends(run: Clean) -> None:
    run.starts[:2] = [start(number, late_s=1.5) for number in range(2)]


def old_rows_in_the_history(run: Clean) -> None:
    run.deliveries.append(Delivery(130.0, 1, 999, Path.HISTORY, Fate.SHOWN))


@pytest.mark.parametrize(
    "spoil",
    [
        almost_slow,
        almost_waiting,
        threads_of_toxiproxy,
        a_system_that_does_not_count,
        a_commit_of_a_busy_disk,
        almost_busy,
        busy_before_the_load,
        few_missing_sends,
        two_late_sends,
        old_rows_in_the_history,
    ],
)
def test_what_stays_inside_the_limits_is_no_finding(spoil: Callable[[Clean], None]) -> None:
    run = Clean()
    spoil(run)
    assert run.findings() == ()
