"""A coordinator whose time stands and whose conductor is played by the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scenarios import coordinator
from tests.support.fake_runtime import FakeConductor, ManualClock
from tests.support.owned_run import Owned


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    """Time stands; what waits for records gives up at once."""
    clock = ManualClock()
    monkeypatch.setattr(coordinator, "monotonic_s", clock)
    monkeypatch.setattr(coordinator, "LAST_RECORDS_WITHIN_S", 0.0)
    return clock


Make = Callable[[FakeConductor], Owned]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: ManualClock) -> Iterator[Make]:
    made: list[Owned] = []

    def _make(conductor: FakeConductor) -> Owned:
        monkeypatch.setattr(coordinator, "ConductorLink", conductor)
        made.append(Owned(tmp_path / "run", conductor))
        return made[-1]

    yield _make
    for each in made:
        each.coordinator.finish()  # its ticker is a greenlet of this process


@pytest.fixture
def owned(make: Make) -> Owned:
    return make(FakeConductor())
