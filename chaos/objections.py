"""What keeps a receipt from being a proof, in plain words. Pure; times are host-monotonic seconds.

The probes given here are those of one proxy that can show the fault at all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from chaos.bites import HEAL_S, Judge, Moments, Span, masked
from harness.receipts import Probe

_PROMPT_S = 1.0
"""A fault that bites later than this after Toxiproxy confirmed it is not what was asked for."""
_BEFORE_S = 2.0
"""How far back a bite before the request is looked for."""
_IN_FLIGHT_S = 1.0
"""A probe without an answer that was sent this shortly before the request may be the fault's."""
_LAPSE_S = 3.0
"""Nothing hit for so long before its end: a whole fault has stopped by itself. Longer than the
canary's time-out for opening a connection, during which a line cannot probe."""


def missing_steps(moments: Moments) -> list[str]:
    """Steps of the director that the history does not have."""
    if moments.requested_s is None:
        return ["it was never requested"]
    problems = []
    if moments.applied_s is None:
        problems.append("Toxiproxy never confirmed that it was set")
    if moments.heal_requested_s is None:
        problems.append("it was never ended")
    elif moments.heal_applied_s is None:
        problems.append("Toxiproxy never confirmed that it was removed")
    return problems


def healed_at(probes: Sequence[Probe], judge: Judge, masks: Sequence[Span]) -> float | None:
    """The first good probe of the healing that no broken one follows for a while.

    A late answer after a good one is not counted against it: when the users come back, the
    server is slow, and that is what the run is to measure. Nor is another fault's doing.
    """
    asked_s = judge.moments.heal_requested_s
    if asked_s is None:
        return None
    after = [probe for probe in probes if probe.sent_s >= asked_s]
    broken_s = [p.sent_s for p in after if judge.broken(p) and not masked(p, masks)]
    for probe in after:
        next_broken = bisect_left(broken_s, probe.sent_s)
        lasts = not any(t <= probe.sent_s + HEAL_S for t in broken_s[next_broken : next_broken + 1])
        if judge.good(probe) and lasts:
            return probe.sent_s
    return None


def before(
    proxy: str, probes: Sequence[Probe], judge: Judge, *, requested_s: float, share: float
) -> list[str]:
    """Was the proxy good before? ``probes`` are those that no other fault can have hit."""
    earlier = [probe for probe in probes if probe.sent_s < requested_s]
    if not any(probe.outcome == "ok" for probe in earlier):
        return [f"{proxy} had no good probe before it, so there is nothing to compare with"]
    ended = [
        probe
        for probe in earlier
        if probe.sent_s >= requested_s - _BEFORE_S
        and (probe.answered_s or probe.sent_s + _IN_FLIGHT_S) < requested_s
    ]
    broken = sum(map(judge.broken, ended))
    late = sum(map(judge.late, ended))
    if broken or late > len(ended) * share / 2:
        return [
            f"{proxy} was bitten before it was requested"
            f" ({broken + late} of {len(ended)} probes of the {_BEFORE_S:g} s before)"
        ]
    return []


def biting(proxy: str, hits: Sequence[Probe], moments: Moments, *, share: float) -> list[str]:
    """Did it hit in time, and until its end? ``hits`` in the order of sending."""
    if not hits:
        return [f"no probe through {proxy} was hit"]
    problems = []
    if moments.applied_s is not None and hits[0].sent_s > moments.applied_s + _PROMPT_S:
        late_s = hits[0].sent_s - moments.applied_s
        problems.append(f"{proxy} was hit only {late_s:.2f} s after it was applied")
    end_s = moments.heal_requested_s
    if share == 1 and end_s is not None and hits[-1].sent_s < end_s - _LAPSE_S:
        early_s = end_s - hits[-1].sent_s
        problems.append(f"{proxy} was no longer hit from {early_s:.2f} s before its end on")
    return problems


def healing(
    proxy: str, healed_s: float | None, moments: Moments, masks: Sequence[Span]
) -> list[str]:
    """Was the proxy good again in time? Another fault on it puts that off to its own end."""
    done_s = moments.heal_applied_s
    if done_s is None:
        return []
    limit_s = done_s + HEAL_S
    for mask in sorted(masks, key=lambda mask: mask.begin_s):
        if mask.begin_s <= limit_s and mask.end_s > done_s:
            limit_s = max(limit_s, mask.end_s + HEAL_S)
    if healed_s is None:
        return [f"{proxy} was never good again"]
    if healed_s > limit_s:
        return [f"{proxy} was good again only {healed_s - done_s:.2f} s after its end"]
    return []
