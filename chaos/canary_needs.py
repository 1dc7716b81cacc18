"""What the canary must do beyond its ordinary probes, for the faults of a run to be proved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chaos.canary import CanarySettings
from chaos.faults.schedule import ScheduledFault
from harness.receipts import ProbeKind

SILENT_MARGIN_S = 0.75
"""A connection that is to be found idle is silent for this much longer than it needs."""
LONGEST_LIVE_WAIT_S = 10.0
"""What is told while it happens waits no longer for an answer."""


def canary_settings(faults: Sequence[ScheduledFault], api_key: str) -> CanarySettings:
    """What the proof of these faults needs."""
    silent_s: dict[str, float] = {}
    kinds: set[ProbeKind] = set()
    bulk_bytes = 0
    for fault in faults:
        evidence = fault.evidence
        kinds |= evidence.kinds
        bulk_bytes = max(bulk_bytes, evidence.bulk_bytes or 0)
        if evidence.silent_s is not None:
            for proxy in fault.proxies:
                longest_s = max(evidence.silent_s + SILENT_MARGIN_S, silent_s.get(proxy, 0.0))
                silent_s[proxy] = longest_s
    return CanarySettings(
        api_key=api_key,
        # Of a fault with a share below 1, one kept connection would prove nothing.
        links=6 if any(fault.proxies and fault.share < 1.0 for fault in faults) else 1,
        handshake_period_s=0.2 if "handshake" in kinds else None,
        silent_s=silent_s,
        farewells="close" in kinds,
        bulk_bytes=bulk_bytes or None,
    )


def told_soon(settings: CanarySettings, faults: Sequence[ScheduledFault]) -> CanarySettings:
    """The same for whoever watches it happen: a probe that hangs is soon told as unanswered.

    Not before the delays of these faults are over, as far as somebody would wait for that.
    """
    late_s = max((fault.evidence.slower_by_s or 0.0 for fault in faults), default=0.0)
    wait_s = min(2.0 + 2 * late_s, LONGEST_LIVE_WAIT_S)
    return replace(settings, answer_timeout_s=wait_s)
