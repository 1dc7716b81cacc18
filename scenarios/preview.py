"""What a scenario would do, worked out without starting anything: ``chatquake run X --dry-run``."""

from __future__ import annotations

from itertools import pairwise
from statistics import mean

import msgspec

from chaos.explain import Moment, explain
from chaos.faults.model import Means, Side
from chaos.faults.phases import Phase
from chaos.faults.schedule import ScheduledFault
from harness.runsettings import CohortSummary, GateSpec, Shortened, Text, Variant
from scenarios.arrivals import rate_of
from scenarios.demand import Load
from scenarios.model import Scenario
from scenarios.settings import settings_of

PARTS = 240
"""Of the load, in which its rate is told."""
_LOOKS = 4
"""At the rate within each part."""


class Level(msgspec.Struct, frozen=True):
    """How much of a fault there is from a moment on."""

    after_s: float
    """Seconds after its begin."""
    level: float
    """From 0, where it pauses, to 1, where it is as written."""


class FaultPreview(msgspec.Struct, frozen=True, kw_only=True):
    """One time that a fault is on. Times are seconds after the load begins."""

    name: str
    kind: str
    means: Means
    """Which part of the rig plays it."""
    on: Side | None
    cohorts: tuple[str, ...]
    share: float
    begin_s: float
    end_s: float
    levels: tuple[Level, ...]
    sentence: Text


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario as it would be run; ``--json`` prints it as it is."""

    scenario: str
    title: Text
    description: Text
    shows: tuple[str, ...]
    expect: Text | None
    variant: Variant
    shortened: tuple[Shortened, ...]
    server: tuple[str, ...]
    """As in the settings of a run."""
    seed: int
    users: int
    spawn_rate: float
    room_sizes: tuple[int, ...]
    people: dict[str, float]
    cohorts: tuple[CohortSummary, ...]
    spawn_s: float
    """The first four stretches of the run, which make up ``duration_s``."""
    warmup_s: float
    load_s: float
    settle_s: float
    duration_s: float
    arrivals: str
    messages: int
    """Wanted in the load, all rooms together; chance makes it a little more or less."""
    messages_per_s: tuple[float, ...]
    """The same in so many equal parts of the load, as a rate."""
    phases: tuple[Phase, ...]
    faults: tuple[FaultPreview, ...]
    moments: tuple[Moment, ...]
    """What the parts of the rig will be told."""
    gates: tuple[GateSpec, ...]


def preview(scenario: Scenario) -> Preview:
    """Everything about the run that is decided beforehand."""
    load, load_s = scenario.load, scenario.load_s
    curve = tuple(rate * scenario.rooms for rate in _rates(load, load_s))
    settings = settings_of(scenario, run_id="", toxiproxy="", wall_clock_start="")
    return Preview(
        scenario=scenario.name,
        title=scenario.title,
        description=scenario.description,
        shows=scenario.shows,
        expect=settings.expect,
        variant=settings.variant,
        shortened=settings.shortened,
        server=settings.server,
        seed=scenario.seed,
        users=load.users,
        spawn_rate=load.spawn_rate,
        room_sizes=load.room_sizes,
        people=load.people,
        cohorts=settings.cohorts,
        spawn_s=load.users / load.spawn_rate,
        warmup_s=scenario.warmup_s,
        load_s=round(load_s, 6),
        settle_s=scenario.settle_s,
        duration_s=scenario.duration_s,
        arrivals=load.arrivals,
        messages=round(mean(curve) * load_s),
        messages_per_s=tuple(round(rate, 3) for rate in curve),
        phases=scenario.phases,
        faults=tuple(_fault(fault) for fault in scenario.faults),
        moments=explain(scenario.faults),
        gates=scenario.gates,
    )


def _rates(load: Load, load_s: float) -> list[float]:
    """Messages a second in one room, in each of the parts."""
    edges_s = [load_s * part / PARTS for part in range(PARTS + 1)]
    if load.recorded_s is not None and load.arrivals == "recorded":
        counts = [sum(a <= at_s < b for at_s in load.recorded_s) for a, b in pairwise(edges_s)]
        return [count * PARTS / load_s for count in counts]
    rate = rate_of(load, load_s)
    looks = [(look + 0.5) / _LOOKS for look in range(_LOOKS)]
    return [mean(rate(a + (b - a) * look) for look in looks) for a, b in pairwise(edges_s)]


def _fault(fault: ScheduledFault) -> FaultPreview:
    steps = fault.ramp.ramp_steps if fault.ramp is not None else None
    levels = [
        Level(stage.after_s, (index + 1) / steps if steps else float(bool(stage.changes)))
        for index, stage in enumerate(fault.stages)
    ]
    return FaultPreview(
        name=fault.name,
        kind=fault.kind,
        means=fault.fault.means,
        on=fault.on,
        cohorts=fault.cohorts,
        share=fault.share,
        begin_s=fault.at_s,
        end_s=fault.end_s,
        levels=tuple(levels),
        sentence=fault.summary.sentence,
    )
