"""All kinds of fault, by the name that a scenario uses."""

from __future__ import annotations

from chaos.faults.model import Fault
from chaos.faults.network.bandwidth import Bandwidth
from chaos.faults.network.black_hole import BlackHole
from chaos.faults.network.cut_after import CutAfter
from chaos.faults.network.flapping import Flapping
from chaos.faults.network.half_open import HalfOpen
from chaos.faults.network.latency import Latency
from chaos.faults.network.loss import Loss
from chaos.faults.network.refused import Refused
from chaos.faults.network.reset import Reset
from chaos.faults.network.sliced import Sliced
from chaos.faults.network.slow_close import SlowClose

CATALOGUE: dict[str, type[Fault]] = {
    Refused.kind: Refused,
    HalfOpen.kind: HalfOpen,
    BlackHole.kind: BlackHole,
    Latency.kind: Latency,
    Reset.kind: Reset,
    Flapping.kind: Flapping,
    Loss.kind: Loss,
    Bandwidth.kind: Bandwidth,
    Sliced.kind: Sliced,
    CutAfter.kind: CutAfter,
    SlowClose.kind: SlowClose,
}
