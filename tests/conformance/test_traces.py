"""The genuine realtime-js and auth-js under fake timers: kept traces made anew, lives by chance."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

from harness.client.library import LIBRARIES, Library
from tests.conformance import install
from tests.harness.client.oracle import chance
from tests.harness.client.oracle.play import Player

pytestmark = pytest.mark.e2e

ORACLE = Path(__file__).parents[1] / "harness" / "client" / "oracle"
ALIASES = {"rjs-legacy": "rjs-2.95", "rjs-2.100": "rjs-2.109", "rjs-current": "rjs-current"}
"""The package of ``node/package.json`` that holds each profile's version."""
PATIENCE_S = 120
LIVES = 400

libraries = pytest.mark.parametrize("library", LIBRARIES.values(), ids=LIBRARIES.keys())


def genuine(library: Library, scenarios: Path, *, with_auth: bool = False) -> str:
    """What the genuine library does in these scenarios, as ``trace.mjs`` prints it."""
    install.node_modules()
    modules = install.NODE / "node_modules"
    package = modules / ALIASES[library.name]
    command = ["node", str(ORACLE / "trace.mjs"), str(package), library.version, str(scenarios)]
    if with_auth:
        command.append(str(modules / "@supabase" / "auth-js"))
    made = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert made.returncode == 0, made.stderr
    return made.stdout


@libraries
def test_a_trace_made_anew_is_the_one_that_is_kept(library: Library) -> None:
    kept = ORACLE / "traces" / f"realtime-js-{library.version}.json"

    made = genuine(library, ORACLE / "scenarios.json")

    assert made == kept.read_text(encoding="utf-8")


@libraries
def test_lives_by_chance_are_the_same_in_the_genuine_library(
    library: Library, tmp_path: Path
) -> None:
    scenarios = chance.scenarios(seed=5, count=LIVES)
    file = tmp_path / "scenarios.json"
    file.write_bytes(msgspec.json.encode(scenarios))
    traces = msgspec.json.decode(genuine(library, file))["traces"]

    for scenario in scenarios:
        theirs = [tuple(line) for line in traces[scenario.name]]
        assert Player(scenario, library).play() == theirs, scenario


@libraries
def test_a_trace_with_auth_js_made_anew_is_the_one_that_is_kept(library: Library) -> None:
    kept = ORACLE / "traces" / f"auth-js-2.119.1-realtime-js-{library.version}.json"

    made = genuine(library, ORACLE / "auth-scenarios.json", with_auth=True)

    assert made == kept.read_text(encoding="utf-8")


@libraries
def test_lives_by_chance_with_a_token_that_ends_are_the_same_in_the_genuine_auth_js(
    library: Library, tmp_path: Path
) -> None:
    scenarios = chance.auth_scenarios(seed=5, count=LIVES)
    file = tmp_path / "scenarios.json"
    file.write_bytes(msgspec.json.encode(scenarios))
    traces = msgspec.json.decode(genuine(library, file, with_auth=True))["traces"]

    for scenario in scenarios:
        theirs = [tuple(line) for line in traces[scenario.name]]
        assert Player(scenario, library).play() == theirs, scenario
