"""What the canary has to do so that the faults of a run can be proved. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.canary import CanarySettings
from chaos.faults.schedule import ScheduledFault

_LINKS_FOR_A_SHARE = 6
"""Of a fault with a share below 1, one kept connection would prove nothing."""


def canary_for(faults: Sequence[ScheduledFault], *, api_key: str) -> CanarySettings:
    """Probes that cost something are made only where a fault needs them to be seen."""
    evidence = [fault.fault.evidence() for fault in faults]
    return CanarySettings(
        api_key=api_key,
        links=_LINKS_FOR_A_SHARE if any(fault.share < 1 for fault in faults) else 1,
        farewells=any("close" in each.kinds for each in evidence),
        bulk_bytes=max((each.bulk_bytes or 0 for each in evidence), default=0) or None,
    )
