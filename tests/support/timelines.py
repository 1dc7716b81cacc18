"""Small scenarios that differ in their faults and phases only."""

from __future__ import annotations

import tomllib
from typing import Any

from scenarios.model import Scenario, load_scenario, scenario_from, to_toml

PHASES = [
    {"name": "calm", "at_s": 0, "for_s": 10},
    {"name": "storm", "at_s": 10, "for_s": 20, "title": {"en": "The storm", "ko": "폭풍"}},
]


def scenario(*faults: dict[str, Any], **keys: Any) -> Scenario:
    """``ws-blocked``, whose load lasts 35 s, with other faults: resets of Realtime, unless they
    say otherwise; ``keys`` are of the file's head."""
    tables = tomllib.loads(to_toml(load_scenario("ws-blocked")))
    whole = [{"kind": "reset", "on": "realtime", **fault} for fault in faults]
    return scenario_from({**tables, "faults": whole, **keys}, where="x.toml")
