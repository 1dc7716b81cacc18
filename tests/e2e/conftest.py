"""Whole runs, some of them side by side because most of their time is waiting."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.runs import CHATQUAKE, Finished, RunningRun

T = TypeVar("T")

LOCUSTFILE = Path(__file__).parent.parent.parent / "locustfile.py"
NATIVE = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--only-summary"]

FAMILIES = {
    "Toxiproxy": "ws-blocked",
    "tokens": "token-expiry",
    "the relay": "corporate-proxy",
    "the browser": "extension",
    "the server": "create-answers",
    "what the server is like": "steady",
}
"""A scenario for each family of faults; it and its red twin are run. All of the library is run by
``make test-full``."""
LIBRARY = {
    name: [*CHATQUAKE, "run", name]
    for name in dict.fromkeys((*FAMILIES.values(), "slow-send", "flaky-network"))
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

AT_ONCE = 4


def side_by_side(commands: dict[str, list[str]], folder: Path) -> dict[str, Finished]:
    """Make all of these runs, :data:`AT_ONCE` at a time; none may leave a process behind."""
    ends: dict[str, Finished] = {}
    for chosen in _batched(commands.items(), AT_ONCE):
        ends |= _together(dict(chosen), folder)
    return ends


def _batched(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """In tuples of so many; the last may be shorter."""
    left = iter(items)
    while chosen := tuple(islice(left, size)):
        yield chosen


def _together(commands: dict[str, list[str]], folder: Path) -> dict[str, Finished]:
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
