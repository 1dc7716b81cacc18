"""The first screen: the verdict in one sentence, its reasons, and a few figures in plain words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from harness.receipts import Receipt
from harness.runsettings import FaultSummary, Text
from reports.model import EVERYBODY, RUN, Audit, Cell, GateResult
from reports.render.words import bound_words, cohort_name, gate_kind, metric_name, window_name
from reports.texts import Sayable, Sentence, sentence
from reports.texts.quantity import Quantity, of_cell

MOST_FACTS = 5
MOST_FAULTS = 2
MOST_REASONS = 4

Tone = Literal["plain", "good", "bad"]


@dataclass(frozen=True)
class Fact:
    """One number and what it means to the chat's users."""

    number: Quantity
    said: Sentence
    """Reads on from the number."""
    tone: Tone = "plain"


def headline(audit: Audit) -> Sentence:
    """The verdict in one sentence."""
    gates = audit.verdict.gates
    total = len(gates)
    of = Quantity(total, "count")
    if audit.verdict.verdict == "pass":
        return sentence("headline.pass", count=total)
    if audit.verdict.verdict == "fail":
        return sentence("headline.fail", count=_with_result(gates, "fail"), of=of)
    if rig_failed(audit) or not total:
        return sentence("headline.invalid_rig")
    return sentence("headline.invalid_gates", count=_with_result(gates, "invalid"), of=of)


def reasons(audit: Audit) -> tuple[Sayable, ...]:
    """Why it is not a pass, the first few; empty for a pass."""
    if audit.verdict.verdict == "pass":
        return ()
    fatal = [rig_sentence(f.what, f.sentence) for f in audit.verdict.rig if f.level == "fatal"]
    gates = [_gate_reason(g) for g in audit.verdict.gates if g.result == "fail"]
    if audit.verdict.verdict == "invalid":
        unclear = [_gate_reason(g) for g in audit.verdict.gates if g.result == "invalid"]
        found = fatal + (gates + unclear if not fatal else [])
    else:
        found = gates + fatal
    found = found or [sentence("verbatim", text=reason) for reason in audit.verdict.reasons]
    left = len(found) - MOST_REASONS
    more = (sentence("reasons_more", count=left),) if left > 0 else ()
    return (*found[:MOST_REASONS], *more)


def rig_sentence(what: str, detail: Text) -> Sentence:
    """A finding about the rig: its kind in plain words, then the sentence with the number."""
    return sentence("rig_finding", what=sentence(f"rig.{what}", otherwise=what), detail=detail)


def facts(audit: Audit) -> tuple[Fact, ...]:
    """Three to five figures for people: what was broken, and what the users had of it.

    User figures are those of the cohort that the faults hit, where that is a single one.
    """
    cohort = _hit_cohort(audit)
    candidates = (
        *_fault_facts(audit),
        _still(audit, cohort),
        _polling(audit, cohort),
        _lost(audit),
        _timeouts(audit),
        _delivery(audit),
    )
    found = [fact for fact in candidates if fact is not None][:MOST_FACTS]
    if rig_failed(audit):
        return tuple(replace(fact, tone="plain") for fact in found)
    return tuple(found)


def fault_words(audit: Audit, name: str) -> Sayable:
    """What the fault does, as the scenario says it; its name where nothing is said."""
    summary = _summary(audit, name)
    return summary.sentence if summary is not None else name


def _summary(audit: Audit, name: str) -> FaultSummary | None:
    by_name = {fault.name: fault for fault in audit.settings.faults}
    return by_name.get(name) or by_name.get(name.partition("#")[0])


def _with_result(gates: tuple[GateResult, ...], result: str) -> int:
    return sum(gate.result == result for gate in gates)


def rig_failed(audit: Audit) -> bool:
    """Whether the figures cannot be relied on, whatever the gates say."""
    settings = audit.settings
    fatal = any(finding.level == "fatal" for finding in audit.verdict.rig)
    return fatal or bool(settings.interrupted) or bool(settings.broken)


def _gate_reason(gate: GateResult) -> Sentence:
    key = "gate_failed" if gate.result == "fail" else "gate_unclear"
    return sentence(
        key,
        metric=metric_name(gate.metric),
        value=Quantity(gate.value, gate_kind(gate), gate.beyond),
        bound=bound_words(gate),
        where=sentence("where", window=window_name(gate.window), cohort=cohort_name(gate.cohort)),
        reason=gate.reason or "",
    )


def _hit_cohort(audit: Audit) -> str:
    hit = {cohort for fault in audit.settings.faults for cohort in fault.cohorts}
    alone = len(audit.settings.cohorts) == 1
    return hit.pop() if len(hit) == 1 and not alone else EVERYBODY


def _cell(audit: Audit, metric: str, cohort: str = EVERYBODY) -> Cell | None:
    """The figure over the whole run, or ``None`` where it is missing or has no value."""
    cell = audit.metrics.cell(metric, RUN, cohort)
    return cell if cell is not None and cell.value is not None else None


def _fault_facts(audit: Audit) -> list[Fact]:
    receipts = audit.receipts
    if len(receipts) <= MOST_FAULTS:
        return [_fault(audit, receipt) for receipt in receipts]
    names = ", ".join(receipt.fault for receipt in receipts)
    return [Fact(Quantity(len(receipts), "count"), sentence("facts.many_faults", names=names))]


def _fault(audit: Audit, receipt: Receipt) -> Fact:
    what = fault_words(audit, receipt.fault)
    if receipt.first_effect_s is None or receipt.healed_s is None:
        return Fact(Quantity(None, "seconds"), sentence("facts.fault_unproved", what=what), "bad")
    lasted = Quantity(receipt.healed_s - receipt.first_effect_s, "seconds")
    hit = sum(c.users for c in audit.settings.cohorts if c.name in receipt.cohorts)
    users = hit or audit.settings.users
    of = Quantity(audit.settings.users, "count")
    return Fact(lasted, sentence("facts.fault", what=what, count=users, of=of))


def _still(audit: Audit, cohort: str) -> Fact | None:
    median = _cell(audit, "frozen_s.p50", cohort)
    worst = _cell(audit, "frozen_s.max", cohort)
    if median is None or worst is None:
        return None
    said = sentence("facts.still", worst=of_cell(worst), who=_of_cohort(cohort))
    return Fact(of_cell(median), said, "good" if worst.value == 0 and not worst.beyond else "plain")


def _polling(audit: Audit, cohort: str) -> Fact | None:
    share = _cell(audit, "fallback_share", cohort)
    if share is None or not share.numerator:
        return None
    users = next(
        (c.users for c in audit.settings.cohorts if c.name == cohort), audit.settings.users
    )
    per_user = Quantity(share.numerator / max(users, 1), "seconds")
    detect = _cell(audit, "fallback_detect_s.p50", cohort)
    if detect is None:
        return Fact(per_user, sentence("facts.polling", who=_of_cohort(cohort)))
    said = sentence("facts.polling_after", detect=of_cell(detect), who=_of_cohort(cohort))
    return Fact(per_user, said)


def _of_cohort(cohort: str) -> Sayable:
    return "" if cohort == EVERYBODY else sentence("facts.of_cohort", cohort=cohort)


def _lost(audit: Audit) -> Fact | None:
    lost = _cell(audit, "lost")
    if lost is None:
        return None
    twice = _cell(audit, "visible_duplicates")
    expected = lost.denominator if lost.denominator is not None else lost.n
    bad = bool(lost.value) or bool(twice is not None and twice.value)
    said = sentence(
        "facts.lost", count=lost.value, of=Quantity(expected, "messages"), twice=of_cell(twice)
    )
    return Fact(of_cell(lost), said, "bad" if bad else "good")


def _timeouts(audit: Audit) -> Fact | None:
    rate = _cell(audit, "send_timeout_rate")
    if rate is None or rate.numerator is None:
        return None
    said = sentence("facts.timeouts", count=rate.numerator, of=Quantity(rate.n, "messages"))
    return Fact(Quantity(rate.numerator, "messages"), said, "plain" if rate.numerator else "good")


def _delivery(audit: Audit) -> Fact | None:
    slow = _cell(audit, "delivery_s.p99")
    return None if slow is None else Fact(of_cell(slow), sentence("facts.delivery"))


def title(audit: Audit) -> Text:
    """The scenario's title, or its name where it has none."""
    given = audit.settings.title
    name = audit.settings.scenario
    return Text(en=given.en or name, ko=given.ko or name)
