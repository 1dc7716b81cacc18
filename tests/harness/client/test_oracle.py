"""Our client against the genuine realtime-js under fake timers: same times, same order.

The traces are made by ``oracle/trace.mjs``; ``tests/conformance/test_traces.py`` makes them anew.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.client.library import LIBRARIES, Library
from tests.harness.client.oracle.play import Line, Player, Scenario

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

PLAYED_UNTIL_MS = {("rjs-legacy", "join-unanswered"): 13_000}
"""Where our client departs. At 13 s the genuine 2.95.3 takes its own unanswered join for another
channel's, leaves it, reports CLOSED, and then goes on joining a channel whose answers nobody hears;
ours ends at CLOSED, and the app makes the channel anew."""


@pytest.mark.parametrize("name", LIBRARIES)
def test_each_profile_has_a_whole_trace_of_its_version(name: str) -> None:
    genuine = GENUINE[name]

    assert (genuine.library, genuine.version) == (
        "@supabase/realtime-js",
        LIBRARIES[name].version,
    )
    assert (ORACLE / genuine.made_by).is_file()
    assert genuine.traces.keys() == SCENARIOS.keys()


def before(end_ms: int, trace: list[Line]) -> list[Line]:
    return [line for line in trace if line[0] < end_ms]


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
@pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES.keys())
def test_times_and_order_are_those_of_the_genuine_library(
    library: Library, scenario: Scenario
) -> None:
    genuine = [tuple(line) for line in GENUINE[library.name].traces[scenario.name]]

    ours = Player(scenario, library).play()

    until_ms = PLAYED_UNTIL_MS.get((library.name, scenario.name), scenario.until_ms)
    assert before(until_ms, ours) == before(until_ms, genuine)


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

    ours = Player(scenario, library).play()

    assert ours == genuine
