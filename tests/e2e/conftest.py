"""Whole runs, started side by side because most of their time is waiting."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.runs import CHATQUAKE, Finished, RunningRun

LOCUSTFILE = Path(__file__).parent.parent.parent / "locustfile.py"
NATIVE = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary"]

FAMILIES = {
    "Toxiproxy": "ws-blocked",
    "tokens": "token-expiry",
    "the server": "steady",
}
"""A scenario for each family of faults; it and its red twin are run. All of the library is run by
``make test-full``."""
LIBRARY = {
    name: [*CHATQUAKE, "run", name]
    for name in ("steady", "ws-blocked", "slow-send", "flaky-network", "token-expiry")
}
TWINS = {name: [*CHATQUAKE, "run", name, "--red-twin"] for name in FAMILIES.values()}
UNDER_LOCUST = {
    "native": [
        *(*NATIVE, "--scenario", "ws-blocked", "-u", "50", "-r", "25", "-t", "45s"),
        *("--seed", "1"),
    ],
    "native-2": [
        *(*NATIVE, "--scenario", "ws-blocked", "-u", "50", "-r", "25", "-t", "45s"),
        *("--seed", "1", "--processes", "2"),
        *("--master-bind-port", "15557", "--master-port", "15557"),
    ],
}

RunOf = Callable[[str], Finished]


def side_by_side(commands: dict[str, list[str]], folder: Path) -> dict[str, Finished]:
    """Start all, wait for all; none may leave a process behind."""
    running = {
        name: RunningRun([*command, "--out", str(folder / name)], folder / name)
        for name, command in commands.items()
    }
    try:
        for run in running.values():
            run.wait_until((run.out / "receipts.json").exists, "the receipts", within_s=180)
        ends = {name: run.wait() for name, run in running.items()}
        for name, run in running.items():
            assert run.left_behind() == [], name
        return ends
    finally:
        for run in running.values():
            run.clean_up()


@pytest.fixture(scope="session")
def library_run(tmp_path_factory: pytest.TempPathFactory) -> RunOf:
    """The scenarios of the library, each as a user would run it."""
    ends = side_by_side(LIBRARY, tmp_path_factory.mktemp("library"))
    return ends.__getitem__


@pytest.fixture(scope="session")
def policies_run(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """``four-policies``, which has more users than the others and so a machine for itself."""
    commands = {"four-policies": [*CHATQUAKE, "run", "four-policies"]}
    return side_by_side(commands, tmp_path_factory.mktemp("policies"))["four-policies"]


@pytest.fixture(scope="session")
def twin_run(tmp_path_factory: pytest.TempPathFactory) -> RunOf:
    """The red twins of the families."""
    ends = side_by_side(TWINS, tmp_path_factory.mktemp("twins"))
    return ends.__getitem__


@pytest.fixture(scope="session")
def native_run(tmp_path_factory: pytest.TempPathFactory) -> RunOf:
    """``ws-blocked`` under native Locust."""
    ends = side_by_side(UNDER_LOCUST, tmp_path_factory.mktemp("native"))
    return ends.__getitem__
