"""How much a probe has to carry for a fault that shows only on many bytes."""

from __future__ import annotations

from math import ceil

from chaos.faults.model import Evidence

MOST_BYTES = 40_000
"""A bulk probe carries no more than this each way: five of them a second go through every proxy,
and the canary must not become the load."""
_DELAY_S = 0.4
"""What the bytes are chosen for: well above a busy server's answer."""
FASTEST_BYTES_PER_S = int(MOST_BYTES / _DELAY_S)
"""A line faster than this cannot be told from a good one."""


def throttled(bytes_per_s: float, *, at_least_bytes: int = 0) -> Evidence:
    """Of a line that passes ``bytes_per_s``: bulk that takes it 0.4 s is at least half as late."""
    return Evidence(
        kinds=frozenset(("bulk",)),
        outcomes=frozenset(("unanswered",)),
        slower_by_s=_DELAY_S / 2,
        bulk_bytes=max(ceil(bytes_per_s * _DELAY_S), at_least_bytes),
    )
