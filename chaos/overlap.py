"""Which faults can be on together, and why the others cannot. Pure.

A proxy's toxics are a chain for each stream, in the order in which they were added; what each
rule is for is a fact about that chain, which tests/chaos/toxiproxy/test_claims.py confirms.
"""

from __future__ import annotations

from collections.abc import Iterator

from chaos.faults.model import Stage
from chaos.faults.schedule import ScheduledFault
from chaos.faults.server.switches import NOTHING, Turned, clash, composed
from chaos.toxiproxy.model import Stream, Toxic

_HOLDING = frozenset(("bandwidth", "slicer", "timeout", "reset_peer", "limit_data"))
"""What comes to them waits or vanishes. A toxic before one that holds is stuck with what it has
in hand, and its removal with it, under a lock that then blocks the holding one's removal too."""
_SEVERING = frozenset(("timeout", "reset_peer", "limit_data"))
"""Under them nothing else can be felt."""


def conflict(first: ScheduledFault, second: ScheduledFault) -> str:
    """Why two faults cannot be on together; empty where they can, or never are.

    ``first`` begins no later than ``second``. The answer goes on after their names.
    """
    if second.at_s >= first.end_s or first.at_s >= second.end_s:
        return ""
    if first.fault.means == second.fault.means == "browser":
        return _in_browsers(first, second)
    if first.fault.means == second.fault.means == "server":
        return _in_server(first, second)
    return _on_proxies(first, second)


def _in_browsers(first: ScheduledFault, second: ScheduledFault) -> str:
    """A person can be in one place only, and a share of each does not help: the seed may pick the
    same users."""
    shared = [cohort for cohort in first.cohorts if cohort in second.cohorts]
    if not shared:
        return ""
    where = f"are both in the browsers of cohort {shared[0]} at once"
    if first.kind == second.kind:
        return f"{where} and of one kind ({first.kind})"
    if first.moves_people and second.moves_people:
        return f"{where} and each takes the person elsewhere"
    return ""


def _in_server(first: ScheduledFault, second: ScheduledFault) -> str:
    """What is turned composes, unless both turn the same to different values or one hides the
    other."""
    for fault in (first, second):
        if fault.fault.disables:
            return f"are both in the server at once and {fault.name!r} takes it down"
    reason = clash(first.name, _turned(first), second.name, _turned(second))
    return f"are both in the server at once and {reason}" if reason else ""


def _turned(fault: ScheduledFault) -> Turned:
    """Everything that it turns at any time: a knob has one value in all stages of a fault."""
    every = [change for stage in fault.stages for change in stage.changes]
    found = composed(NOTHING, [change for change in every if isinstance(change, Turned)])
    return Turned(knobs=found.knobs, defects=found.defects)


def _on_proxies(first: ScheduledFault, second: ScheduledFault) -> str:
    shared = [proxy for proxy in first.proxies if proxy in second.proxies]
    if not shared:
        return ""
    reason = _reason(first, second)
    return f"are both on proxy {shared[0]} at once {reason}" if reason else ""


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
