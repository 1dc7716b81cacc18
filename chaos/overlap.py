"""Which faults can be on one proxy together, and why the others cannot. Pure.

A proxy's toxics are a chain for each stream, in the order in which they were added; what each
rule is for is a fact about that chain, which tests/chaos/toxiproxy/test_claims.py confirms.
"""

from __future__ import annotations

from collections.abc import Iterator

from chaos.faults.model import Stage
from chaos.faults.schedule import ScheduledFault
from chaos.toxiproxy.model import Stream, Toxic

_HOLDING = frozenset(("bandwidth", "slicer", "timeout", "reset_peer", "limit_data"))
"""What comes to them waits or vanishes. A toxic before one that holds is stuck with what it has
in hand, and its removal with it, under a lock that then blocks the holding one's removal too."""
_SEVERING = frozenset(("timeout", "reset_peer", "limit_data"))
"""Under them nothing else can be felt."""


def conflict(first: ScheduledFault, second: ScheduledFault) -> str:
    """Why two faults cannot be on one proxy together; empty where they can, or never are.

    ``first`` begins no later than ``second``. The answer goes on after "are both on proxy".
    """
    shared = [proxy for proxy in first.proxies if proxy in second.proxies]
    if not shared or second.at_s >= first.end_s or first.at_s >= second.end_s:
        return ""
    reason = _reason(first, second)
    return f"{shared[0]} at once {reason}" if reason else ""


def _reason(first: ScheduledFault, second: ScheduledFault) -> str:
    if first.kind == second.kind and (
        not _streams(first) or not _streams(second) or _streams(first) & _streams(second)
    ):
        return f"and of one kind ({first.kind})"
    for fault in (first, second):
        if fault.fault.disables:
            return f"and {fault.name!r} disables it"
    if not _streams(first) or not _streams(second):
        return ""  # not a matter of toxics
    return _in_a_chain(first, second)


def _in_a_chain(first: ScheduledFault, second: ScheduledFault) -> str:
    """Why the toxics of two faults would not do what each does alone."""
    if _stalls(first) or _is(first, _SEVERING):
        return f"and {first.name!r} lets nothing through in which {second.name!r} would be felt"
    if _is(second, _HOLDING) and not first.at_s < second.at_s < second.end_s < first.end_s:
        return (
            f"and {second.name!r} holds data back, so it has to begin after {first.name!r}"
            " and to end before it"
        )
    for fault, other in ((first, second), (second, first)):
        if fault.share < 1 and _adds_within(other, fault):
            return (
                f"and {other.name!r} changes it while {fault.name!r} is on, for which Toxiproxy"
                f" picks the share of {fault.name!r} anew"
            )
    return ""


def _toxics(fault: ScheduledFault) -> Iterator[Toxic]:
    for stage in fault.stages:
        for change in stage.changes:
            if isinstance(change, Toxic):
                yield change


def _streams(fault: ScheduledFault) -> frozenset[Stream]:
    """Those on which it has toxics; none where it is played by something else."""
    return frozenset(toxic.stream for toxic in _toxics(fault))


def _is(fault: ScheduledFault, types: frozenset[str]) -> bool:
    return any(toxic.type in types for toxic in _toxics(fault))


def _stalls(fault: ScheduledFault) -> bool:
    return any(toxic.attributes.get("rate") == 0 for toxic in _toxics(fault))


def _adds_within(other: ScheduledFault, fault: ScheduledFault) -> bool:
    """``other`` gets toxics after those of ``fault``; at one moment the order is the names'."""
    return any(
        fault.at_s <= other.at_s + stage.after_s < fault.end_s for stage in _with_toxics(other)
    )


def _with_toxics(fault: ScheduledFault) -> Iterator[Stage]:
    return (stage for stage in fault.stages if stage.changes)
