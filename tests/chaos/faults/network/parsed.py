"""Faults of the network from the keys that a scenario would have."""

from __future__ import annotations

from typing import Any

from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault

BASE: dict[str, Any] = {"name": "f", "on": "realtime", "at_s": 10, "for_s": 20}


def one(kind: str, *, seed: int = 1, **keys: Any) -> ScheduledFault:
    """The only fault of a scenario with two cohorts, ``a`` and ``b``."""
    table = {**BASE, "kind": kind, **keys}
    (fault,) = parse_faults([table], where="x.toml", cohorts=("a", "b"), seed=seed)
    return fault
