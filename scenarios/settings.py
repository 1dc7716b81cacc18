"""What is written down about a run before it begins: scenario, seed, versions, machine."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version

import msgspec
import psutil

from harness.client.policy import POLICIES, Policy
from harness.runsettings import CohortSummary, RunSettings
from scenarios.model import Scenario
from scenarios.population import population

_PACKAGES = (
    "chatquake",
    "locust",
    "gevent",
    "geventhttpclient",
    "websockets",
    "msgspec",
    "uvicorn",
    "starlette",
    "Faker",
    "numpy",
    "pandas",
    "pyarrow",
    "matplotlib",
)


def policy_in_words(policy: Policy) -> str:
    """The preset's name and every switch that differs from it: a reader must not take a changed
    plan for the plan."""
    preset, own = (msgspec.structs.asdict(p) for p in (POLICIES[policy.name], policy))
    changes = [f"{key} = {own[key]}" for key in own if own[key] != preset[key]]
    return f"{policy.name}, changed: {', '.join(changes)}" if changes else policy.name


def settings_of(
    scenario: Scenario, *, run_id: str, toxiproxy: str, wall_clock_start: str
) -> RunSettings:
    """``settings.json`` as it is before the first user starts."""
    counts: dict[str, int] = {}
    for member in population(scenario):
        counts[member.cohort.name] = counts.get(member.cohort.name, 0) + 1
    return RunSettings(
        run_id=run_id,
        scenario=scenario.name,
        title=scenario.title,
        description=scenario.description,
        shows=scenario.shows,
        seed=scenario.seed,
        users=scenario.load.users,
        spawn_rate=scenario.load.spawn_rate,
        rooms=scenario.rooms,
        duration_s=scenario.duration_s,
        settle_s=scenario.settle_s,
        recovery_s=scenario.recovery_s,
        late_after_s=scenario.late_after_s,
        frozen_after_s=scenario.frozen_after_s,
        ack_timeout_s={c.name: c.policy.ack_timeout_s for c in scenario.cohorts},
        cohorts=tuple(
            CohortSummary(
                name=cohort.name,
                users=counts.get(cohort.name, 0),
                policy=policy_in_words(cohort.policy),
                policy_settings=msgspec.to_builtins(cohort.policy),
                library=cohort.library.name,
            )
            for cohort in scenario.cohorts
        ),
        faults=tuple(fault.summary for fault in scenario.faults),
        gates=scenario.gates,
        target="bundled",
        versions={
            "python": platform.python_version(),
            "toxiproxy": toxiproxy,
            **{name: version(name) for name in _PACKAGES},
        },
        machine={
            "system": f"{platform.system()} {platform.release()}",
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "byte_order": sys.byteorder,
        },
        processes=1,
        wall_clock_start=wall_clock_start,
    )
