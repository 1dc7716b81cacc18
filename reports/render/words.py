"""What metrics, windows, cohorts and bounds are called in plain words."""

from __future__ import annotations

import re

from reports.model import EVERYBODY, RUN, GateResult
from reports.texts import Sayable, Sentence, sentence
from reports.texts.quantity import Kind, Quantity, kind_of

_BOUND = re.compile(r"(<=|>=|<|>)\s*([-+]?\d[\d_.]*(?:[eE][-+]?\d+)?)")
_BOUND_KEYS = {"<=": "bound.max", ">=": "bound.min", "<": "bound.below", ">": "bound.above"}


def metric_name(metric: str) -> Sentence:
    """``ack_s.p99`` as "wait until a message was confirmed, 99% within"."""
    base, _, stat = metric.partition(".")
    name = sentence(f"metric.{base}", otherwise=base)
    if not stat:
        return name
    return sentence("metric_with_stat", metric=name, stat=sentence(f"stat.{stat}", otherwise=stat))


def window_name(window: str) -> Sentence:
    """``during:x`` as "during x"; unknown windows as they are."""
    if window == RUN:
        return sentence("window.run")
    part, _, fault = window.partition(":")
    return sentence(f"window.{part}", otherwise=window, fault=fault)


def cohort_name(cohort: str) -> Sayable:
    """The cohort's own name, or "everybody"."""
    return sentence("everybody") if cohort == EVERYBODY else cohort


def bound_words(gate: GateResult) -> Sayable:
    """``<= 0.02`` of a rate as "at most 2%"; a bound in another form as it is written."""
    kind = gate_kind(gate)
    parts = [
        sentence(_BOUND_KEYS[sign], value=Quantity(float(number.replace("_", "")), kind))
        for sign, number in _BOUND.findall(gate.bound)
    ]
    if not parts:
        return gate.bound
    if len(parts) == 1:
        return parts[0]
    return sentence("bound.both", first=parts[0], second=parts[1])


def gate_kind(gate: GateResult) -> Kind:
    """How the gate's value and bound are printed."""
    return kind_of(gate.metric, gate.unit)
