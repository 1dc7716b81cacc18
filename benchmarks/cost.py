"""Costs of a run, from its run directory alone."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import msgspec

from harness.recorder import read_record
from harness.records import Fate, RigSample
from harness.rundir import RunDir
from harness.runsettings import RunSettings
from reports.model import Verdict


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one benchmark cost. CPU covers everything a process did while the load was on."""

    benchmark: str
    verdict: str
    rig_findings: tuple[str, ...]
    users: int
    deliveries: int
    """Rows that reached a screen while the load was on."""
    load_cpu_us_per_delivery: float
    server_cpu_us_per_delivery: float
    toxiproxy_cpu_us_per_delivery: float
    load_to_toxiproxy: float
    """Our CPU for a delivery as a multiple of Toxiproxy's, in the same run: the figure that can
    be compared between machines."""
    memory_kb_per_user: float
    """Growth of the load process from before the first user to the end of the load."""
    worst_loop_lag_s: float
    """Of the load process, while the load was on."""


def cost_of(run: RunDir) -> Cost:
    """Raises :class:`harness.errors.RecordError` where the record cannot be read."""
    settings = msgspec.json.decode(run.settings.read_bytes(), type=RunSettings)
    verdict = msgspec.json.decode(run.verdict.read_bytes(), type=Verdict)
    assert settings.load_begins_at_s is not None
    assert settings.load_ends_at_s is not None
    begin_s, end_s = settings.load_begins_at_s, settings.load_ends_at_s
    load = read_record(run.events / "load.cqr")
    rig = read_record(run.events / "conductor.cqr")
    samples = [e for _, e in (*load.events, *rig.events) if isinstance(e, RigSample)]
    times, fates = load.deliveries["t_s"], load.deliveries["fate"]
    counted = (times >= begin_s) & (times < end_s) & (fates != Fate.SUPPRESSED)
    deliveries = int(counted.sum())

    def cpu_us(process: str) -> float:
        return 1e6 * _cpu_s(samples, process, begin_s, end_s) / deliveries

    ours = [s for s in samples if s.process == "load"]
    before, after = ours[0], [s for s in ours if s.t_s < end_s][-1]
    return Cost(
        benchmark=settings.scenario,
        verdict=verdict.verdict,
        rig_findings=tuple(f"{f.level}: {f.sentence.en}" for f in verdict.rig),
        users=settings.users,
        deliveries=deliveries,
        load_cpu_us_per_delivery=cpu_us("load"),
        server_cpu_us_per_delivery=cpu_us("server"),
        toxiproxy_cpu_us_per_delivery=cpu_us("toxiproxy"),
        load_to_toxiproxy=cpu_us("load") / cpu_us("toxiproxy"),
        memory_kb_per_user=(after.rss_bytes - before.rss_bytes) / settings.users / 1024,
        worst_loop_lag_s=max(s.loop_lag_s for s in ours if begin_s <= s.t_s < end_s),
    )


def _cpu_s(samples: Iterable[RigSample], process: str, begin_s: float, end_s: float) -> float:
    """CPU seconds of a process in a stretch: each sample covers the time since the one before."""
    own = [s for s in samples if s.process == process]
    return sum(
        now.cpu_share * (min(now.t_s, end_s) - max(before.t_s, begin_s))
        for before, now in pairwise(own)
        if now.t_s > begin_s and before.t_s < end_s
    )
