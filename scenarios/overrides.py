"""``--set KEY=VALUE``: a value put into a scenario's tables before they are checked.

Keys are dotted. Cohorts, phases, faults and policies are chosen by their name
(``faults.ws-blocked.for_s``), gates by their metric (``gates.lost.max``), with ``@window`` and
``@cohort`` behind it where a metric has several gates (``gates.delivery_s.p99@before.max``).
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from harness.errors import UsageError
from harness.near_names import near
from harness.runsettings import GateSpec

Tables = dict[str, Any]
"""A TOML file as ``tomllib`` gives it, before any check."""

_ONE = {"cohorts": "cohort", "phases": "phase", "faults": "fault", "policies": "policy"}
"""What is chosen by its name, which must be there, and what one of it is called."""

_INSTEAD = {"load.rooms": "room_size", "load.room_size": "rooms"}
"""What a key replaces that cannot stand beside it; a file's value could not be taken away."""


def apply_sets(tables: Mapping[str, Any], sets: Iterable[str], *, called: str = "--set") -> Tables:
    """A copy of ``tables`` with each ``KEY=VALUE`` put in; a later one wins.

    ``called`` is where they stand, for errors. Raises :class:`UsageError` where a text is no
    ``KEY=VALUE`` or names nothing that is there.
    """
    changed = copy.deepcopy(dict(tables))
    for text in sets:
        key, equals, value = text.partition("=")
        if not equals or not all(part.strip() for part in key.split(".")):
            raise UsageError(f"{called} {text}: is not KEY=VALUE, e.g. load.room_size=10")
        _put(changed, key.strip(), toml_value(value.strip()), f"{called} {text}")
    return changed


def toml_value(text: str) -> Any:
    """``text`` read as one TOML value; what is none is taken as it stands."""
    try:
        document = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return document["value"] if set(document) == {"value"} else text


def _put(tables: Tables, key: str, value: Any, where: str) -> None:
    head, _, rest = key.partition(".")
    if head == "gates":
        selector, _, field = rest.rpartition(".")
        _put_into(find_gate(_listed(tables, head), selector, where), [field], value, where)
    elif head in _ONE:
        name, _, field = rest.partition(".")
        if not field:
            raise UsageError(f"{where}: name a key of it, e.g. {head}.NAME.KEY=VALUE")
        _put_into(_named(tables, head, name, where), field.split("."), value, where)
    else:
        _put_into(tables, key.split("."), value, where)
        if key in _INSTEAD:
            tables[head].pop(_INSTEAD[key], None)


def _put_into(table: Tables, path: list[str], value: Any, where: str) -> None:
    for part in path[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise UsageError(f"{where}: {part} is a value and has no keys below it")
    table[path[-1]] = value


def _listed(tables: Tables, head: str) -> list[Tables]:
    rows = tables.get(head, [])
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _named(tables: Tables, head: str, name: str, where: str) -> Tables:
    below = tables.get(head)
    found = below if isinstance(below, dict) else {r.get("name"): r for r in _listed(tables, head)}
    if not isinstance(found.get(name), dict):
        names = map(str, found)
        raise UsageError(f"{where}: no {_ONE[head]} is named {name}; {near(name, names)}")
    table: Tables = found[name]
    return table


def find_gate(gates: list[Tables], selector: str, where: str) -> Tables:
    """The one of ``gates`` that ``selector`` names; ``where`` it stands, for errors.

    Raises :class:`UsageError` where that is none of them, or several.
    """
    metric = selector.partition("@")[0]
    found = [gate for gate in gates if names_gate(selector, *_place(gate))]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join("@".join(_place(gate)) for gate in found)
        raise UsageError(f"{where}: {selector} names {len(found)} gates; choose one: {names}")
    metrics = {str(gate.get("metric")) for gate in gates}
    raise UsageError(f"{where}: there is no gate {selector!r}; {near(metric, metrics)}")


def names_gate(selector: str, metric: str, window: str, cohort: str) -> bool:
    """Whether ``metric@window@cohort``, which may leave the last two out, can be this gate."""
    named, *limits = selector.split("@")
    return named == metric and all(limit in (window, cohort) for limit in limits)


def _place(gate: Tables) -> tuple[str, str, str]:
    default = GateSpec("")
    place = (
        gate.get("metric"),
        gate.get("window", default.window),
        gate.get("cohort", default.cohort),
    )
    return str(place[0]), str(place[1]), str(place[2])
