"""All kinds of fault, by the name that a scenario uses."""

from __future__ import annotations

from chaos.faults.black_hole import BlackHole
from chaos.faults.half_open import HalfOpen
from chaos.faults.latency import Latency
from chaos.faults.model import Fault
from chaos.faults.refused import Refused
from chaos.faults.reset import Reset

CATALOGUE: dict[str, type[Fault]] = {
    Refused.kind: Refused,
    HalfOpen.kind: HalfOpen,
    BlackHole.kind: BlackHole,
    Latency.kind: Latency,
    Reset.kind: Reset,
}
