"""Did a fault bite a probe? The judgement of single probes of one proxy, pure.

Times are host-monotonic seconds. A probe is *hit* when it ended as the fault makes probes end,
or was answered too late; it is *good* when it was answered in time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from statistics import median

from chaos.faults.model import Evidence
from harness.receipts import Probe, ProbeKind

HEAL_S = 2.0
"""Healing has to show within this, and to last as long."""
_FLOOR_S = 0.05
"""Below this an answer is not late, however quick it usually is."""
_LOOK_BACK_S = 5.0
"""How far back "just before" goes."""


@dataclass(frozen=True)
class Span:
    """A stretch of time in which some fault may show on a proxy; contains both its ends."""

    begin_s: float
    end_s: float

    def __contains__(self, t_s: float) -> bool:
        return self.begin_s <= t_s <= self.end_s


@dataclass(frozen=True, kw_only=True)
class Moments:
    """When the director did what with one fault."""

    requested_s: float | None = None
    applied_s: float | None = None
    heal_requested_s: float | None = None
    heal_applied_s: float | None = None

    def is_on(self, t_s: float) -> bool:
        """It was set by then, and nobody had asked for its end."""
        ended_s = inf if self.heal_requested_s is None else self.heal_requested_s
        return self.applied_s is not None and self.applied_s <= t_s < ended_s


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Knows one fault, and what was usual on one proxy before it."""

    evidence: Evidence
    usual_s: dict[ProbeKind, float]
    """Median answer times; a kind without one is taken to be instant."""
    moments: Moments

    def broken(self, probe: Probe) -> bool:
        """It ended as the fault makes probes end."""
        return probe.outcome in self.evidence.outcomes

    def late(self, probe: Probe) -> bool:
        """It was answered, but so late that it shows the fault."""
        if probe.answered_s is None or self.evidence.slower_by_s is None:
            return False
        usual_s = self.usual_s.get(probe.kind, 0.0)
        waited_s = probe.answered_s - probe.sent_s
        if waited_s >= usual_s + self.evidence.slower_by_s:
            return True
        return self._freed(probe) and waited_s > 2 * usual_s + _FLOOR_S

    def _freed(self, probe: Probe) -> bool:
        """It hung in the fault when that was taken away, and so waited less than the others."""
        asked_s, done_s = self.moments.heal_requested_s, self.moments.heal_applied_s
        if probe.answered_s is None or asked_s is None or done_s is None:
            return False
        return probe.sent_s < done_s and probe.answered_s >= asked_s

    def hit(self, probe: Probe) -> bool:
        return self.broken(probe) or self.late(probe)

    def good(self, probe: Probe) -> bool:
        return probe.outcome == "ok" and not self.late(probe)


def usual_s(
    probes: Iterable[Probe], *, at_s: float, others: Sequence[Moments], faults: Sequence[Span]
) -> dict[ProbeKind, float]:
    """The median answer time of each kind of probe of one proxy, had no fault begun at ``at_s``.

    Measured on what was answered before it and sent outside of all ``faults``; but where one of
    the ``others`` is on at that moment, under that one, so that a stall within a slow stretch is
    not taken for it.
    """
    answered = [p for p in probes if p.answered_s is not None and p.answered_s < at_s]
    quiet = _medians(p for p in answered if not masked(p, faults))
    on_since_s = [other.applied_s for other in others if other.is_on(at_s)]
    if not on_since_s:
        return quiet
    since_s = max(at_s - _LOOK_BACK_S, *(t or 0 for t in on_since_s))
    under = _medians(p for p in answered if p.sent_s >= since_s)
    return {**quiet, **under}


def _medians(answered: Iterable[Probe]) -> dict[ProbeKind, float]:
    times_s: dict[ProbeKind, list[float]] = {}
    for probe in answered:
        times_s.setdefault(probe.kind, []).append((probe.answered_s or 0) - probe.sent_s)
    return {kind: median(times) for kind, times in times_s.items()}


def span_of(moments: Moments) -> Span | None:
    """The time in which a fault may show, with its healing; open where it was never healed."""
    if moments.requested_s is None:
        return None
    done_s = moments.heal_applied_s
    return Span(moments.requested_s, inf if done_s is None else done_s + HEAL_S)


def masked(probe: Probe, masks: Sequence[Span]) -> bool:
    """Another fault may have hit it."""
    return any(probe.sent_s in mask for mask in masks)
