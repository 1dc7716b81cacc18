"""What is written down about a run before it begins: scenario, seed, versions, machine."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from math import inf
from typing import Any

import msgspec
import psutil

from harness.client.browser import BROWSERS
from harness.client.library import LIBRARIES
from harness.runsettings import CohortSummary, RunSettings
from scenarios.cohorts import Cohort
from scenarios.constants import told
from scenarios.model import Scenario
from scenarios.policies import known_policies
from scenarios.population import population
from scenarios.presets import in_words

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


def policy_in_words(scenario: Scenario, cohort: Cohort) -> str:
    """The policy's name with every switch that differs from its preset, a policy's of the
    scenario's own first."""
    base = known_policies(scenario.policies)[cohort.policy.name]
    own = {each.policy.name: each.in_words for each in scenario.policies}
    return in_words(cohort.policy, base, own.get(base.name, ""))


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
        expect=scenario.expect,
        variant=scenario.variant,
        shortened=told(scenario.shortened, scenario.access_token_lifetime_s),
        server=scenario.server.words,
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
                policy=policy_in_words(scenario, cohort),
                policy_settings=msgspec.to_builtins(cohort.policy),
                library=in_words(cohort.library, LIBRARIES[cohort.library.name]),
                browser=in_words(cohort.browser, BROWSERS[cohort.browser.name]),
                browser_settings=_without_inf(msgspec.to_builtins(cohort.browser)),
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


def _without_inf(fields: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity."""
    return {name: "never" if value == inf else value for name, value in fields.items()}
