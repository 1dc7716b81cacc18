"""Client policies on a terminal: one with what its switches mean, several side by side."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.client.policy import POLICIES, Policy
from harness.errors import UsageError
from harness.fields import allowed, meanings, unit
from harness.near_names import near
from scenarios.model import load_scenario
from scenarios.policies import OwnPolicy, known_policies
from scenarios.presets import said

_RULES = re.compile(r"(?P<rules>[A-Z]\d+(?:, [A-Z]\d+)*): ")


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a policy, to be read by people."""

    name: str
    value: Any
    unit: str
    """``seconds``, ``rows`` …; empty for what is no number."""
    rule: str
    """Ids of the rules and hazards that it belongs to (docs/chat-rules.md); empty for none."""
    meaning: str
    allowed: str


class PolicyView(msgspec.Struct, frozen=True, kw_only=True):
    """A policy as it is shown."""

    name: str
    base: str
    """The preset that it starts from; its own name for a preset."""
    switches: tuple[Switch, ...]


def views(scenario: str | None, sets: tuple[str, ...] = ()) -> tuple[PolicyView, ...]:
    """The presets, and the policies that a scenario (a name, or a file's path) defines itself.

    Raises :class:`UsageError` for a scenario that could not run either.
    """
    own: tuple[OwnPolicy, ...] = ()
    if scenario is not None:
        own = load_scenario(scenario, sets=sets).policies
    elif sets:
        raise UsageError("--set: changes a scenario's policies; say which with --scenario")
    bases = {each.policy.name: each.base for each in own}
    return tuple(
        PolicyView(name=name, base=bases.get(name, name), switches=switches(policy))
        for name, policy in known_policies(own).items()
    )


def switches(policy: Policy) -> tuple[Switch, ...]:
    """Every field of a policy but its name, in the order of the code."""
    docstrings = meanings(Policy)
    found = []
    for name in Policy.__struct_fields__:
        if name == "name":
            continue
        meaning = docstrings.get(name, "")
        begin = _RULES.match(meaning)
        meaning = meaning[begin.end() :] if begin else meaning
        found.append(
            Switch(
                name=name,
                value=getattr(policy, name),
                unit=unit(Policy, name),
                rule=begin["rules"] if begin else "",
                meaning=meaning[:1].upper() + meaning[1:],
                allowed=allowed(Policy, name),
            )
        )
    return tuple(found)


def chosen(found: tuple[PolicyView, ...], names: tuple[str, ...]) -> tuple[PolicyView, ...]:
    """Those with the names, in their order; all where there are none. Raises
    :class:`UsageError`."""
    by_name = {view.name: view for view in found}
    for name in names:
        if name not in by_name:
            raise UsageError(f"policy {name!r}: is not known; {near(name, by_name)}")
    return tuple(by_name[name] for name in names) or found


def write(found: tuple[PolicyView, ...], console: Console) -> None:
    """Print them; T, S, R, F and H are explained in docs/chat-rules.md."""
    console.print(_alone(found[0]) if len(found) == 1 else _side_by_side(found))
    own = [f"{view.name} starts from {view.base}" for view in found if view.name not in POLICIES]
    rules = "S, R, F and H are rules and hazards of the chat: docs/chat-rules.md"
    console.print("; ".join([*own, rules]), soft_wrap=True, highlight=False)


def _alone(view: PolicyView) -> Table:
    table = Table("rule", view.name, "value", "what it is, and may be")
    base = {switch.name: switch.value for switch in switches(POLICIES[view.base])}
    for switch in view.switches:
        value = f"{said(switch.value)} {switch.unit}".strip()
        if switch.value != base[switch.name]:
            value += f" ({view.base}: {said(base[switch.name])})"
        what = Text(f"{switch.meaning} [{switch.allowed}]")
        table.add_row(switch.rule, switch.name, value, what)
    return table


def _side_by_side(found: tuple[PolicyView, ...]) -> Table:
    table = Table("rule", "switch", "unit", *(view.name for view in found))
    for number, switch in enumerate(found[0].switches):
        values = (said(view.switches[number].value) for view in found)
        table.add_row(switch.rule, switch.name, switch.unit, *values)
    return table
