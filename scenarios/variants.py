"""A scenario's other forms: ``[full_length]``, and ``[red_twin]`` whose gates must turn red.

Both are changes to the file's tables, written as for ``--set``. The full length has the vendors'
constants; the red twin makes one thing worse, which the scenario's gates have to notice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from harness.errors import UsageError
from harness.runsettings import RedTwin, Some, Variant
from scenarios.checking import typed
from scenarios.constants import told
from scenarios.overrides import Tables, apply_sets, find_gate, names_gate

if TYPE_CHECKING:
    from reports.model import Verdict
    from scenarios.model import Scenario

_BOTH = frozenset(("full_length", "red_twin"))


class FullLength(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[full_length]``: what differs from the short form. ``[shortened]`` falls away by itself."""

    set: Some
    """Each a ``KEY=VALUE`` as for ``--set``."""


def tables_of(
    written: Mapping[str, Any], *, full_length: bool = False, red_twin: bool = False, where: str
) -> Tables:
    """The tables of one form of what is ``written``; they say themselves which form it is.

    Raises :class:`UsageError` where the file has no such form, or cannot be changed so.
    """
    tables = {key: value for key, value in written.items() if key not in _BOTH}
    variant: dict[str, Any] = {}
    if full_length:
        changes = typed(
            _table(written, "full_length", where), FullLength, where=where, key="full_length"
        )
        tables = apply_sets(tables, changes.set, called=f"{where}: full_length.set")
        tables.pop("shortened", None)
        variant["full_length"] = True
    if red_twin:
        twin = typed(_table(written, "red_twin", where), RedTwin, where=where, key="red_twin")
        tables = apply_sets(tables, twin.set, called=f"{where}: red_twin.set")
        variant["red_twin"] = msgspec.to_builtins(twin)
    return tables | {"variant": variant} if variant else tables


def check_forms(
    written: Mapping[str, Any], resolved: Callable[[Tables, str], Scenario], *, where: str
) -> None:
    """Resolve each form that the file has and hold it to what it is for.

    ``resolved`` makes a scenario of tables and what to call them in errors. Raises
    :class:`UsageError`.
    """
    if not _BOTH & set(written):
        return
    bases = [(False, resolved(tables_of(written, where=where), where))]
    if "full_length" in written:
        key = f"{where}: full_length"
        full = resolved(tables_of(written, full_length=True, where=where), key)
        _check_full_length(full, bases[0][1], key)
        bases.append((True, full))
    if "red_twin" in written:
        for full_length, base in bases:
            key = f"{where}: red_twin"
            tables = tables_of(written, full_length=full_length, red_twin=True, where=where)
            _check_twin(resolved(tables, key), base, key)


def objections(twin: RedTwin, verdict: Verdict) -> tuple[str, ...]:
    """How a red twin's verdict is another than it had to be, a sentence each; none: it is red where
    it must be and nowhere else."""
    if verdict.verdict == "invalid":
        return (f"the run is invalid: {'; '.join(verdict.reasons) or 'it cannot tell'}",)
    found = []
    for gate in verdict.gates:
        name = gate_name(gate.metric, gate.window, gate.cohort)
        place = (gate.metric, gate.window, gate.cohort)
        if any(names_gate(each, *place) for each in twin.fails):
            if gate.result != "fail":
                found.append(f"{name} must fail: {gate.result}")
        elif gate.result != "pass" and not any(names_gate(each, *place) for each in twin.may_fail):
            found.append(f"{name} must hold: {gate.result}")
    return tuple(found)


def gate_name(metric: str, window: str, cohort: str) -> str:
    """As ``fails`` names the gate; ends that are the default are left out."""
    limits = [window] * (window != "run") + [cohort] * (cohort != "all")
    return "@".join((metric, *limits))


def _table(written: Mapping[str, Any], key: str, where: str) -> Any:
    if key in written:
        return written[key]
    if "variant" in written:
        raise UsageError(
            f"{where}: variant: this is a resolved scenario; ask the scenario that it was made of "
            f"for another form"
        )
    raise UsageError(f"{where}: has no [{key}]; leave --{key.replace('_', '-')} out, or write one")


def _check_full_length(full: Scenario, short: Scenario, key: str) -> None:
    for left in told(full.shortened, full.access_token_lifetime_s):
        raise UsageError(
            f"{key}.set: leaves {left.name} at {left.value_s:g}; set it to {left.usual_s:g}"
        )
    if _same(full, short):
        raise UsageError(f"{key}.set: changes nothing; leave [full_length] out")


def _check_twin(twin: Scenario, base: Scenario, key: str) -> None:
    said = twin.variant.red_twin
    assert said is not None
    if _same(twin, base):
        raise UsageError(f"{key}.set: changes nothing, so nothing can turn red")
    if twin.gates != base.gates:
        raise UsageError(f"{key}.set: changes a gate; a twin has the scenario's own gates")
    gates = [msgspec.to_builtins(gate) for gate in twin.gates]
    found: list[Tables] = []
    for field, selectors in (("fails", said.fails), ("may_fail", said.may_fail)):
        for selector in selectors:
            gate = find_gate(gates, selector, f"{key}.{field}")
            if gate in found:
                raise UsageError(f"{key}.{field}: {selector} is named already; once is enough")
            found.append(gate)


def _same(one: Scenario, other: Scenario) -> bool:
    """But for the policies that no cohort takes: they change no run."""
    plain = msgspec.structs.replace(one, variant=Variant(), policies=())
    return plain == msgspec.structs.replace(other, variant=Variant(), policies=())
