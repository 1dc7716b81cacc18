"""What the canary must do beyond its ordinary probes, for the faults of a run to be proved."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.canary import CanarySettings
from chaos.faults.schedule import ScheduledFault

SILENT_MARGIN_S = 0.75
"""A connection that is to be found idle is silent for this much longer than it needs."""


def canary_settings(faults: Sequence[ScheduledFault], api_key: str) -> CanarySettings:
    """What the proof of these faults needs."""
    silent_s: dict[str, float] = {}
    handshakes = False
    for fault in faults:
        evidence = fault.evidence
        handshakes = handshakes or "handshake" in evidence.kinds
        if evidence.silent_s is not None:
            for proxy in fault.proxies:
                longest_s = max(evidence.silent_s + SILENT_MARGIN_S, silent_s.get(proxy, 0.0))
                silent_s[proxy] = longest_s
    return CanarySettings(
        api_key=api_key,
        # Of a fault with a share below 1, one kept connection would prove nothing.
        links=6 if any(fault.proxies and fault.share < 1.0 for fault in faults) else 1,
        handshake_period_s=0.2 if handshakes else None,
        silent_s=silent_s,
    )
