"""From what the director did and what the canary felt to the proof of each fault. Pure.

A receipt's edges are sending times of probes: the fault bit from ``first_effect_s`` to
``last_effect_s``, and at ``healed_s`` the network was good again. What keeps it from being a
proof stands in ``problems``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from chaos import objections
from chaos.bites import Judge, Moments, Span, masked, span_of, usual_s
from chaos.effects import in_words
from chaos.faults.schedule import ScheduledFault
from chaos.history import HistoryEntry
from harness.receipts import Probe, ProbeKind, Receipt
from harness.runsettings import Text

_FEW = 3
"""Fewer hits than this on a proxy that should be untouched are chance."""


@dataclass(frozen=True, kw_only=True)
class _Case:
    """All that is known of a run."""

    scheduled: tuple[ScheduledFault, ...]
    moments: Mapping[str, Moments]
    probes: Mapping[str, tuple[Probe, ...]]
    """By proxy, in the order of sending."""

    def others(self, fault: ScheduledFault, proxy: str) -> list[Moments]:
        """The moments of the other faults on a proxy."""
        return [
            self.moments[other.name]
            for other in self.scheduled
            if other.name != fault.name and other.may_bite(proxy)
        ]


@dataclass(frozen=True, kw_only=True)
class _Effect:
    """What a fault did to one of its proxies."""

    hits: tuple[Probe, ...] = ()
    often: float
    """The part of its probes that it hit, from the first hit to the last."""
    healed_s: float | None = None
    usual_s: Mapping[ProbeKind, float]
    problems: tuple[Text, ...] = ()


def receipts(
    scheduled: Iterable[ScheduledFault],
    history: Iterable[HistoryEntry],
    probes: Iterable[Probe],
    *,
    load_begins_at_s: float,
) -> tuple[Receipt, ...]:
    """One receipt for each scheduled fault, in their order.

    ``probes`` may come in any order. The function may be called while the run goes on; a fault
    that is not over then says so in its problems.
    """
    faults, entries = tuple(scheduled), tuple(history)
    case = _Case(
        scheduled=faults,
        moments={fault.name: _moments(entries, fault.name) for fault in faults},
        probes=_by_proxy(probes),
    )
    told = {
        fault.name: tuple(
            _told(entry.detail)
            for entry in entries
            if (entry.fault, entry.what) == (fault.name, "problem")
        )
        for fault in faults
    }
    return tuple(_receipt(case, fault, told[fault.name], load_begins_at_s) for fault in faults)


def _told(detail: str) -> Text:
    """What the director met; the detail is of the part that plays the fault, or the system's."""
    return Text(en=detail, ko=f"장애를 다루는 중에 문제가 있었습니다(“{detail}”)")


def _moments(history: Sequence[HistoryEntry], name: str) -> Moments:
    first: dict[str, float] = {}
    for entry in history:
        if entry.fault == name:
            first.setdefault(entry.what, entry.t_s)
    return Moments(
        requested_s=first.get("requested"),
        applied_s=first.get("applied"),
        heal_requested_s=first.get("heal_requested"),
        heal_applied_s=first.get("heal_applied"),
    )


def _by_proxy(probes: Iterable[Probe]) -> dict[str, tuple[Probe, ...]]:
    found: dict[str, list[Probe]] = {}
    for probe in sorted(probes, key=lambda probe: probe.sent_s):
        found.setdefault(probe.proxy, []).append(probe)
    return {proxy: tuple(list_) for proxy, list_ in found.items()}


def _receipt(
    case: _Case, fault: ScheduledFault, told: tuple[Text, ...], load_begins_at_s: float
) -> Receipt:
    moments = case.moments[fault.name]
    effects = {proxy: _effect(case, fault, proxy) for proxy in fault.proxies}
    hits = [hit for effect in effects.values() for hit in effect.hits]
    healed = [effect.healed_s for effect in effects.values() if effect.healed_s is not None]
    first_s = min((hit.sent_s for hit in hits), default=None)
    last_s = max((hit.sent_s for hit in hits), default=None)
    problems = [*told, *objections.missing_steps(moments)]
    if moments.requested_s is not None:
        problems += [problem for effect in effects.values() for problem in effect.problems]
    if first_s is not None and last_s is not None:
        often = min(effect.often for effect in effects.values() if effect.hits)
        problems += _strays(case, fault, Span(first_s, last_s), often)
    return Receipt(
        fault=fault.name,
        kind=fault.kind,
        cohorts=fault.cohorts,
        proxies=fault.proxies,
        planned_begin_s=load_begins_at_s + fault.at_s,
        planned_end_s=load_begins_at_s + fault.end_s,
        requested_s=moments.requested_s,
        applied_s=moments.applied_s,
        first_effect_s=first_s,
        last_effect_s=last_s,
        heal_requested_s=moments.heal_requested_s,
        heal_applied_s=moments.heal_applied_s,
        healed_s=max(healed) if len(healed) == len(effects) else None,
        effect=in_words(
            hits,
            [probe for proxy in effects for probe in case.probes.get(proxy, ())],
            [effect.usual_s for effect in effects.values()],
        ),
        problems=tuple(dict.fromkeys(problems)),
    )


def _effect(case: _Case, fault: ScheduledFault, proxy: str) -> _Effect:
    moments, others = case.moments[fault.name], case.others(fault, proxy)
    if moments.requested_s is None:
        return _Effect(often=0.0, usual_s={})
    judge = _judge(case, fault, proxy, at_s=moments.requested_s)
    probes = [p for p in case.probes.get(proxy, ()) if p.kind in judge.evidence.kinds]
    masks = [span for span in map(span_of, others) if span is not None]
    healed_s = objections.healed_at(probes, judge, masks)
    within = Span(moments.requested_s, inf if healed_s is None else healed_s)
    hits = _hits(probes, judge, masks, within)
    free = [probe for probe in probes if not masked(probe, masks)]
    often = _often(hits, probes)
    problems = (
        *objections.before(proxy, free, judge, requested_s=moments.requested_s, often=often),
        *objections.biting(
            proxy,
            hits,
            moments,
            share=fault.share,
            starts_s=fault.first_change_s,
            pauses_s=fault.longest_pause_s,
            bites_every_s=judge.evidence.bites_every_s,
        ),
        *objections.healing(proxy, healed_s, moments, masks),
    )
    return _Effect(
        hits=hits, often=often, healed_s=healed_s, usual_s=judge.usual_s, problems=problems
    )


def _often(hits: Sequence[Probe], probes: Sequence[Probe]) -> float:
    if not hits:
        return 1.0  # nothing to go by: then only what is hit all the time counts as bitten
    span = Span(hits[0].sent_s, hits[-1].sent_s)
    return len(hits) / sum(probe.sent_s in span for probe in probes)


def _hits(
    probes: Sequence[Probe], judge: Judge, masks: Sequence[Span], within: Span
) -> tuple[Probe, ...]:
    """The probes that the fault hit; once its end was asked for, not those another may have."""
    asked_s = judge.moments.heal_requested_s
    own_until_s = inf if asked_s is None else asked_s
    return tuple(
        probe
        for probe in probes
        if probe.sent_s in within
        and judge.hit(probe)
        and (probe.sent_s < own_until_s or not masked(probe, masks))
    )


def _judge(case: _Case, fault: ScheduledFault, proxy: str, *, at_s: float) -> Judge:
    others = case.others(fault, proxy)
    own = case.moments[fault.name] if fault.may_bite(proxy) else Moments()
    spans = [span for span in map(span_of, (own, *others)) if span is not None]
    probes = case.probes.get(proxy, ())
    return Judge(
        evidence=fault.evidence,
        usual_s=usual_s(probes, at_s=at_s, others=others, faults=spans),
        moments=own,
    )


def _strays(case: _Case, fault: ScheduledFault, span: Span, often: float) -> list[Text]:
    """Proxies that are not the fault's and were hit like its own, by no other fault.

    Like its own: at least half as often.
    """
    problems: list[Text] = []
    for proxy in sorted(case.probes):
        if fault.may_bite(proxy):
            continue
        judge = _judge(case, fault, proxy, at_s=span.begin_s)
        masks = [mask for mask in map(span_of, case.others(fault, proxy)) if mask is not None]
        meanwhile = [
            probe
            for probe in case.probes[proxy]
            if probe.kind in judge.evidence.kinds
            and probe.sent_s in span
            and not masked(probe, masks)
        ]
        hits = sum(map(judge.hit, meanwhile))
        if hits >= _FEW and hits > len(meanwhile) * often / 2:
            total = len(meanwhile)
            problems.append(
                Text(
                    f"{proxy} was hit too ({hits} of {total} probes), and should not be",
                    f"{proxy}: 대상이 아닌데 영향을 받았습니다(탐침 {total}회 중 {hits}회)",
                )
            )
    return problems
