"""What ``chatquake chaos`` is to play: a scenario's faults, or kinds of fault, each by a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from chaos.faults.catalogue import CATALOGUE, OF_UPGRADES
from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from harness.client.policy import POLICIES
from harness.errors import UsageError
from harness.near_names import near
from scenarios.cohorts import Cohort
from scenarios.model import Scenario, library_names, load_scenario
from scenarios.overrides import toml_value

COHORT = "browser"
"""Where no scenario names one: the tester's own."""
AT_MOST_S = 600.0
"""A fault that nobody turns off ends by itself then."""
_OURS = ("name", "kind", "at_s")
"""Keys of a fault's table that a kind played by key has from us."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is played and how."""

    scenario: Scenario
    """Its cohorts have a pair of addresses each; its faults can all be played on a real browser."""
    by_key: bool
    """Each fault is turned on and off by hand; else all follow the scenario's timeline."""
    of_scenario: bool = True
    """Else of kinds, and the scenario is only their frame."""
    left_out: tuple[str, ...] = ()
    """Faults of the scenario that only an emulated browser can have."""


def choose(names: Sequence[str], *, sets: Sequence[str] = (), by_key: bool = False) -> Choice:
    """One scenario (a name or the path of a file), or one or several kinds of fault.

    ``sets`` are ``KEY=VALUE``: of the scenario as for a run, or of the kinds
    (``KIND.KEY=VALUE`` for one of several). Raises :class:`UsageError`.
    """
    kinds = [name for name in names if name in CATALOGUE]
    if kinds and len(kinds) == len(names):
        return _kinds(kinds, sets)
    if len(names) > 1:
        other = next(name for name in names if name not in CATALOGUE)
        raise UsageError(
            f"{other!r}: is no kind of fault; give one scenario, or kinds of fault; "
            f"{near(other, CATALOGUE)}"
        )
    (name,) = names
    _check_known(name)
    return _of_scenario(load_scenario(name, sets=tuple(sets)), by_key=by_key)


def _check_known(name: str) -> None:
    """A mistyped kind is not to be answered with the names of scenarios alone."""
    if "/" in name or name.endswith(".toml") or name in library_names():
        return
    raise UsageError(
        f"{name!r}: is neither a scenario of the library nor a kind of fault; "
        f"{near(name, (*library_names(), *CATALOGUE))}; or the path of a TOML file"
    )


def _of_scenario(scenario: Scenario, *, by_key: bool) -> Choice:
    if not scenario.faults:
        raise UsageError(
            f"{scenario.name}: has no faults, so there is nothing to play; "
            "see chatquake list for others, or name a kind of fault"
        )
    playable = tuple(fault for fault in scenario.faults if fault.fault.means != "browser")
    left_out = tuple(fault.name for fault in scenario.faults if fault.fault.means == "browser")
    if not playable:
        raise _only_emulated(f"{scenario.name}: {', '.join(left_out)}")
    scenario = msgspec.structs.replace(scenario, faults=playable)
    return Choice(scenario=scenario, by_key=by_key, left_out=left_out)


def _only_emulated(what: str) -> UsageError:
    return UsageError(
        f"{what}: happens inside the browser, and only an emulated one does it by itself; "
        "do it by hand in yours (docs/chaos.md), or use chatquake run"
    )


def _kinds(kinds: Sequence[str], sets: Sequence[str]) -> Choice:
    faults: list[ScheduledFault] = []
    given = [_assignment(text, kinds) for text in sets]
    for kind in dict.fromkeys(kinds):
        if CATALOGUE[kind].means == "browser":
            raise _only_emulated(kind)
        own = {key: value for of, key, value in given if of in (None, kind)}
        faults += _toggles(kind, own)
    calm = load_scenario("steady")
    scenario = msgspec.structs.replace(
        calm,
        name="chaos",
        cohorts=(Cohort(name=COHORT, share=1.0, policy=POLICIES["plan-reviewed"]),),
        faults=tuple(faults),
    )
    return Choice(scenario=scenario, by_key=True, of_scenario=False)


def _toggles(kind: str, own: dict[str, Any]) -> tuple[ScheduledFault, ...]:
    """The kind on each side of the network that it can be on: two keys say more than one."""
    table = {"kind": kind, "at_s": 0, "for_s": AT_MOST_S, **own}
    type_ = CATALOGUE[kind]
    sides = ("realtime",) if type_ in OF_UPGRADES else ("realtime", "api")
    if type_.means == "server" or "on" in own:
        tables = [{**table, "name": kind}]
    elif len(sides) == 1:
        tables = [{**table, "name": kind, "on": sides[0]}]
    else:
        tables = [{**table, "name": f"{kind}-{side}", "on": side} for side in sides]
    where = f"chaos {kind}"
    try:
        return parse_faults(tables, where=where, cohorts=(COHORT,), seed=1)
    except UsageError as error:
        # There is no file with tables that a number could point to.
        said = str(error).replace(": faults[0].", ": --set ").replace(": faults[0]", "")
        raise UsageError(said) from None


def _assignment(text: str, kinds: Sequence[str]) -> tuple[str | None, str, Any]:
    """The kind that it is for (``None``: all), key and value."""
    key, equals, value = text.partition("=")
    kind, dot, rest = key.strip().rpartition(".")
    if not equals or not rest:
        raise UsageError(f"--set {text}: is not KEY=VALUE, e.g. --set latency_ms=800")
    if dot and kind not in kinds:
        raise UsageError(f"--set {text}: {kind!r} is not played; {near(kind, kinds)}")
    if rest in _OURS:
        raise UsageError(f"--set {text}: {rest} cannot be set for a fault that is played by key")
    return (kind if dot else None), rest, toml_value(value.strip())
