"""Gates that could never be judged are refused before the run, not found out after it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from harness.errors import UsageError
from harness.near_names import near
from harness.runsettings import GateSpec
from reports.gates import METRIC_NAMES


def check_gates(
    gates: tuple[GateSpec, ...], *, windows: Mapping[str, frozenset[str]], where: str
) -> None:
    """Raise :class:`UsageError` for the first gate with an unknown name or an empty bound.

    ``windows`` are the names of the windows by cohort, ``all`` among the cohorts.
    """
    for gate in gates:
        key = f"{where}: gates.{gate.metric}"
        if gate.metric not in METRIC_NAMES:
            raise UsageError(f"{key}: no such metric; {near(gate.metric, METRIC_NAMES)}")
        if gate.cohort not in windows:
            raise UsageError(f"{key}.cohort: {gate.cohort!r}: {near(gate.cohort, windows)}")
        allowed = windows[gate.cohort]
        if gate.window not in allowed:
            raise UsageError(f"{key}.window: {gate.window!r}: {near(gate.window, allowed)}")
        if gate.max is None and gate.min is None:
            raise UsageError(f"{key}: has no bound; give it max or min")
        if not all(math.isfinite(bound) for bound in (gate.max, gate.min) if bound is not None):
            raise UsageError(f"{key}: a bound must be a finite number")
        if gate.max is not None and gate.min is not None and gate.min > gate.max:
            raise UsageError(f"{key}: min {gate.min:g} is greater than max {gate.max:g}")
        if gate.min_samples < 1:
            raise UsageError(f"{key}.min_samples: must be 1 or more, not {gate.min_samples}")
