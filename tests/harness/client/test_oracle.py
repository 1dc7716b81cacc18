"""Our client against the genuine realtime-js under fake timers: same times, same order.

The traces are made by ``oracle/trace.mjs``; ``tests/conformance/test_traces.py`` makes them anew.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.client.library import LIBRARIES, Library
from tests.harness.client.oracle.play import Player, Scenario

ORACLE = Path(__file__).parent / "oracle"


class Traces(msgspec.Struct, frozen=True):
    """One file of ``oracle/traces``."""

    library: str
    version: str
    made_by: str
    scenarios: str
    traces: dict[str, list[list[int | str | None]]]
    auth: str | None = None
    """The version of auth-js that was there."""


SCENARIOS = {
    scenario.name: scenario
    for scenario in msgspec.json.decode(
        (ORACLE / "scenarios.json").read_bytes(), type=list[Scenario]
    )
}
GENUINE = {
    name: msgspec.json.decode(
        (ORACLE / "traces" / f"realtime-js-{library.version}.json").read_bytes(), type=Traces
    )
    for name, library in LIBRARIES.items()
}

AUTH = "2.119.1"
AUTH_SCENARIOS = {
    scenario.name: scenario
    for scenario in msgspec.json.decode(
        (ORACLE / "auth-scenarios.json").read_bytes(), type=list[Scenario]
    )
}
GENUINE_WITH_AUTH = {
    name: msgspec.json.decode(
        (ORACLE / "traces" / f"auth-js-{AUTH}-realtime-js-{library.version}.json").read_bytes(),
        type=Traces,
    )
    for name, library in LIBRARIES.items()
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_each_profile_has_a_whole_trace_of_its_version(name: str) -> None:
    genuine = GENUINE[name]

    assert (genuine.library, genuine.version) == (
        "@supabase/realtime-js",
        LIBRARIES[name].version,
    )
    assert (ORACLE / genuine.made_by).is_file()
    assert genuine.traces.keys() == SCENARIOS.keys()


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES.keys())
def test_times_and_order_are_those_of_the_genuine_library(
    library: Library, scenario: Scenario
) -> None:
    genuine = [tuple(line) for line in GENUINE[library.name].traces[scenario.name]]

    assert Player(scenario, library).play() == genuine


@pytest.mark.parametrize("name", LIBRARIES)
def test_each_profile_has_a_whole_trace_with_auth_js(name: str) -> None:
    genuine = GENUINE_WITH_AUTH[name]

    assert (genuine.auth, genuine.version) == (AUTH, LIBRARIES[name].version)
    assert genuine.traces.keys() == AUTH_SCENARIOS.keys()


@pytest.mark.parametrize("scenario", AUTH_SCENARIOS.values(), ids=AUTH_SCENARIOS.keys())
@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES.keys())
def test_a_token_is_renewed_when_the_genuine_auth_js_renews_it(
    library: Library, scenario: Scenario
) -> None:
    genuine = [tuple(line) for line in GENUINE_WITH_AUTH[library.name].traces[scenario.name]]

    assert Player(scenario, library).play() == genuine
