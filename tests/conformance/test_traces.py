"""The kept traces of the genuine realtime-js, made anew: nothing about them is by hand."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from harness.client.library import LIBRARIES
from tests.conformance import install

pytestmark = pytest.mark.e2e

ORACLE = Path(__file__).parents[1] / "harness" / "client" / "oracle"
ALIASES = {"rjs-legacy": "rjs-2.95", "rjs-2.100": "rjs-2.109", "rjs-current": "rjs-current"}
"""The package of ``node/package.json`` that holds each profile's version."""
PATIENCE_S = 60


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_trace_made_anew_is_the_one_that_is_kept(name: str) -> None:
    install.node_modules()
    version = LIBRARIES[name].version
    package = install.NODE / "node_modules" / ALIASES[name]
    kept = ORACLE / "traces" / f"realtime-js-{version}.json"

    made = subprocess.run(
        ["node", str(ORACLE / "trace.mjs"), str(package), version, str(ORACLE / "scenarios.json")],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert made.returncode == 0, made.stderr
    assert made.stdout == kept.read_text(encoding="utf-8")
