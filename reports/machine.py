"""Did the machine keep up? Loop lag, CPU used and waited for, and stalls of the disk.

A process that gets no CPU, or a disk that does not answer, looks like a slow chat. Every finding
carries the number that decided it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Literal

import numpy as np

from harness.records import RigSample
from harness.runsettings import Text
from reports.evidence import Evidence
from reports.model import RigFinding

LOAD = "load"
"""Names of processes that carry users begin so."""

_LAG_S, _LAG_SHARE, _LAG_ONCE_S = 0.5, 0.02, 2.0
_BUSY, _BUSY_SHARE = 0.95, 0.10
_WAIT_FATAL, _WAIT_TOLD, _WAIT_SHARE = 0.5, 0.25, 0.05
"""Of a second, waited for a CPU, in more than this share of the samples. A healthy run on two cores
shows 0.01 at 50 users and 0.09 at 1,000 (docs/how-it-works.md, "When the machine is too slow")."""
_STALL_FATAL_S, _STALL_TOLD_S = 1.0, 0.25
_MANY_THREADS = ("toxiproxy",)
"""Their threads wait side by side: the sum is no share of anybody's time."""


def machine_findings(evidence: Evidence) -> Iterator[RigFinding]:
    """Everything about CPU, timers and the disk while the load was on."""
    by_process = _samples_of_the_load(evidence)
    if not any(process.startswith(LOAD) for process in by_process):
        en = "no load process was watched, so nothing shows that it kept up"
        yield _finding("fatal", "generator_unwatched", en, "제때 움직였는지 알 수 없습니다")
    for process, samples in by_process.items():
        yield from _lag(process, samples)
        yield from _busy(process, samples)
        yield from _waited(process, samples)
    yield from _commits(evidence)


def samples_by_process(samples: Sequence[RigSample]) -> dict[str, list[RigSample]]:
    """The samples of each process, by its name in order."""
    ordered = sorted(samples, key=lambda s: s.process)
    return {name: list(group) for name, group in groupby(ordered, key=lambda s: s.process)}


def _finding(level: Literal["fatal", "warning"], what: str, en: str, ko: str) -> RigFinding:
    return RigFinding(level=level, what=what, sentence=Text(en, ko))


def _starved(process: str) -> str:
    return "generator_starved" if process.startswith(LOAD) else "rig_starved"


def _lag(process: str, samples: Sequence[RigSample]) -> Iterator[RigFinding]:
    count = len(samples)
    worst_s = max(sample.loop_lag_s for sample in samples)
    lagging = sum(sample.loop_lag_s > _LAG_S for sample in samples)
    if worst_s > _LAG_ONCE_S or lagging > _LAG_SHARE * count:
        en = (
            f"{process} did not keep up: timers were more than {_LAG_S:g} s late in "
            f"{lagging} of {count} samples, {worst_s:.2f} s at worst"
        )
        ko = (
            f"{process} 프로세스의 타이머가 표본 {count}개 중 {lagging}개에서 {_LAG_S:g}초 넘게 "
            f"늦었습니다(최대 {worst_s:.2f}초)"
        )
        yield _finding("fatal", _starved(process), en, ko)


def _busy(process: str, samples: Sequence[RigSample]) -> Iterator[RigFinding]:
    busy, count = sum(sample.cpu_share >= _BUSY for sample in samples), len(samples)
    if busy <= _BUSY_SHARE * count:
        return
    en = f"{process} used {_BUSY:.0%} of a core or more in {busy} of {count} samples"
    ko = f"{process} 프로세스가 표본 {count}개 중 {busy}개에서 코어의 {_BUSY:.0%} 이상을 썼습니다"
    if process.startswith(LOAD):
        yield _finding("fatal", "generator_starved", en, ko)
    else:
        en += ": its slowness may be this machine's"
        ko += ". 느렸다면 이 장비 때문일 수 있습니다"
        yield _finding("warning", "process_saturated", en, ko)


def _waited(process: str, samples: Sequence[RigSample]) -> Iterator[RigFinding]:
    """CPU that others took away, or that the rig's own processes took from each other."""
    shares = [s.cpu_wait_share for s in samples if s.cpu_wait_share is not None]
    if process.startswith(_MANY_THREADS) or not shares:
        return
    count, worst = len(shares), min(1.0, max(shares))  # two threads of a server may both wait
    for level, limit, what in (
        ("fatal", _WAIT_FATAL, _starved(process)),
        ("warning", _WAIT_TOLD, "process_saturated"),
    ):
        above = sum(share > limit for share in shares)
        if above > _WAIT_SHARE * count:
            en = (
                f"{process} was ready and had no CPU for more than {limit:.0%} of the time in "
                f"{above} of {count} samples, {worst:.0%} at worst"
            )
            ko = (
                f"{process} 프로세스가 표본 {count}개 중 {above}개에서 시간의 {limit:.0%}를 넘겨 "
                f"CPU를 기다렸습니다(최대 {worst:.0%})"
            )
            yield _finding("fatal" if level == "fatal" else "warning", what, en, ko)
            return


def _commits(evidence: Evidence) -> Iterator[RigFinding]:
    """From the writing of a row to the return of its COMMIT only the disk is at work."""
    commits = evidence.history.commits
    took_s = (commits["committed_s"] - commits["written_s"]).dropna().to_numpy(np.float64)
    if not len(took_s) or took_s.max() <= _STALL_TOLD_S:
        return
    worst_s = float(took_s.max())
    fatal = worst_s > _STALL_FATAL_S
    limit_s = _STALL_FATAL_S if fatal else _STALL_TOLD_S
    en = f"a commit of the reference server took {worst_s:.2f} s (limit {limit_s:g} s)"
    ko = f"기준 서버의 커밋 하나에 {worst_s:.2f}초가 걸렸습니다(한도 {limit_s:g}초)"
    yield _finding("fatal" if fatal else "warning", "commit_stalled", en, ko)


def _samples_of_the_load(evidence: Evidence) -> dict[str, list[RigSample]]:
    """Starting many users at once is busy by nature and judges nobody."""
    history = evidence.history
    samples = [
        sample
        for sample in history.events.of(RigSample)
        if history.begin_s <= sample.t_s <= history.end_s
    ]
    return samples_by_process(samples)
