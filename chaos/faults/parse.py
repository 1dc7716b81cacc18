"""From the ``[[faults]]`` tables of a scenario to typed faults, or one clear line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Literal

import msgspec

from chaos.faults.catalogue import CATALOGUE, OF_UPGRADES
from chaos.faults.model import Fault, Means, Setting, Side, Stage
from chaos.faults.phases import Phase
from chaos.faults.ramp import SHORTEST_STEP_S, Ramp, ramp_stages, ramping
from chaos.faults.repeats import Occurrence, Timing, occurrences
from chaos.faults.schedule import ScheduledFault
from chaos.faults.tables import fields, part
from harness.errors import UsageError
from harness.near_names import near
from harness.seeds import stream


class _Always(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys that every fault has, whatever its kind; those of its times are ``Timing``."""

    name: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(#[1-9][0-9]*)?\Z",
            description="letters, digits, - and _, with #2, #3, … for a repeated fault",
        ),
    ]
    kind: Annotated[str, msgspec.Meta(description=", ".join(CATALOGUE))]


Cohorts = Annotated[
    tuple[str, ...], msgspec.Meta(description="a list of cohort names; empty for all")
]
Share = Annotated[float, msgspec.Meta(gt=0, le=1, description="a number above 0, up to 1")]


class _OnNetwork(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a fault of the network is."""

    on: Annotated[Side, msgspec.Meta(description="realtime, api or both")]
    cohorts: Cohorts = ()
    share: Share = 1.0


class _OnRealtime(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a fault of the opening of WebSockets is."""

    on: Annotated[
        Literal["realtime"], msgspec.Meta(description="realtime, where the WebSockets are")
    ]
    cohorts: Cohorts = ()
    share: Share = 1.0


class _InBrowsers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose browsers a fault is in."""

    cohorts: Cohorts = ()
    share: Share = 1.0


class _InServer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """There is one server, for all."""


_Where = _OnNetwork | _OnRealtime | _InBrowsers | _InServer
_WHERE: Mapping[Means, type[_Where]] = MappingProxyType(
    {
        "toxiproxy": _OnNetwork,
        "relay": _OnNetwork,
        "browser": _InBrowsers,
        "server": _InServer,
    }
)


def parse_faults(
    tables: Sequence[Mapping[str, Any]],
    *,
    where: str,
    cohorts: tuple[str, ...],
    seed: int,
    phases: Sequence[Phase] = (),
    load_s: float = math.inf,
) -> tuple[ScheduledFault, ...]:
    """Read the faults of a scenario; ``where`` is its file, ``cohorts`` the names it defines.

    A fault without ``cohorts`` hits all of them. One with ``every_s`` becomes one for each time
    that it is on, until its phase or the load of ``load_s`` seconds ends. What a fault leaves to
    chance is drawn from ``seed`` and its name. Raises :class:`UsageError` with one line that names
    the file, the key and what is allowed.
    """
    faults: list[ScheduledFault] = []
    for number, table in enumerate(tables):
        written = _Written(table, f"{where}: faults[{number}]", cohorts, seed)
        for fault in _faults(written, phases, load_s):
            if any(fault.name == other.name for other in faults):
                raise UsageError(
                    f"{written.at}.name: {fault.name!r} is there twice; allowed: a name of its"
                    f" own, e.g. {fault.name.partition('#')[0]}#{len(faults) + 1}"
                )
            faults.append(fault)
    return tuple(faults)


@dataclass(frozen=True)
class _Written:
    """One ``[[faults]]`` table and what it may refer to."""

    table: Mapping[str, Any]
    at: str
    """Its place, for an error."""
    cohorts: tuple[str, ...]
    seed: int


def _faults(written: _Written, phases: Sequence[Phase], load_s: float) -> Iterator[ScheduledFault]:
    """The fault of a table, each time that it is on."""
    table, at = written.table, written.at
    type_ = _type_of(table, at)
    _check_keys(table, type_, at)
    name, timing = part(_Always, table, at).name, part(Timing, table, at)
    for once in occurrences(name, timing, phases=phases, load_s=load_s, seed=written.seed, at=at):
        yield _scheduled(written, type_, once)


def _check_keys(table: Mapping[str, Any], type_: type[Fault], at: str) -> None:
    parts = (_Always, Timing, Ramp, _where(type_), type_)
    keys = [field.name for part_ in parts for field in fields(part_)]
    ramp = [field.name for field in fields(Ramp)]
    if ramping(type_) is None:
        keys = [key for key in keys if key not in ramp]
    for key in table:
        if key in keys:
            continue
        if key in ramp:
            those = ", ".join(kind for kind, other in CATALOGUE.items() if ramping(other))
            raise UsageError(
                f"{at}.{key}: {type_.kind} has no number that could grow; allowed: with {those}"
            )
        raise UsageError(f"{at}: unknown key {key!r}; {near(key, keys)}")


def _scheduled(written: _Written, type_: type[Fault], once: Occurrence) -> ScheduledFault:
    table, at = written.table, written.at
    place = part(_where(type_), table, at)
    fault = part(type_, table, at)
    ramp = _ramp(table, once, at)
    hit, share = _hit(place, at, written.cohorts)
    if fault.disables and share != 1:
        raise UsageError(
            f"{at}.share: {fault.kind} hits every connection; allowed: 1, or leave it out"
        )

    def setting() -> Setting:
        return Setting(
            label=once.name.replace("#", "."),  # "#" cannot stand in a toxic's URL
            share=share,
            for_s=once.for_s,
            rng=stream(written.seed, "faults", once.name),
        )

    stages = _stages(fault, ramp, setting, at)
    if stages and not any(stage.changes for stage in stages):
        raise UsageError(
            f"{at}: {fault.kind} would do nothing in {once.for_s:g} s under this seed;"
            " allowed: a longer for_s, or more of it"
        )
    if fault.means == "toxiproxy" and share != 1 and len(stages) > 1:
        raise UsageError(
            f"{at}.share: {fault.kind} changes on its way, and Toxiproxy picks the connections"
            " anew at every change; allowed: 1, or leave it out"
        )
    return ScheduledFault(
        name=once.name,
        fault=fault,
        on=place.on if isinstance(place, _OnNetwork | _OnRealtime) else None,
        cohorts=hit,
        at_s=once.at_s,
        for_s=once.for_s,
        ramp=ramp,
        share=share,
        stages=stages,
    )


def _ramp(table: Mapping[str, Any], once: Occurrence, at: str) -> Ramp | None:
    if not any(field.name in table for field in fields(Ramp)):
        return None
    ramp = part(Ramp, table, at)
    if ramp.ramp_s > once.for_s:
        raise UsageError(
            f"{at}.ramp_s: {ramp.ramp_s:g} is longer than the fault; allowed: up to {once.for_s:g}"
        )
    if ramp.step_s < SHORTEST_STEP_S:
        most = math.floor(ramp.ramp_s / SHORTEST_STEP_S)
        raise UsageError(
            f"{at}.ramp_steps: {ramp.ramp_steps} steps within {ramp.ramp_s:g} s are too close;"
            f" allowed: up to {most}, or a longer ramp_s"
        )
    return ramp


def _stages(
    fault: Fault, ramp: Ramp | None, setting: Callable[[], Setting], at: str
) -> tuple[Stage, ...]:
    """A fault that can come to nothing in its time says so, and so does a ramp that cannot be."""
    try:
        return fault.stages(setting()) if ramp is None else ramp_stages(fault, ramp, setting)
    except ValueError as error:
        where, instead = (
            (at, "") if ramp is None else (f"{at}.ramp_steps", "; allowed: fewer steps")
        )
        raise UsageError(f"{where}: {error}{instead}") from None


def _where(type_: type[Fault]) -> type[_Where]:
    return _OnRealtime if type_ in OF_UPGRADES else _WHERE[type_.means]


def _hit(place: _Where, at: str, cohorts: tuple[str, ...]) -> tuple[tuple[str, ...], float]:
    """The cohorts that a fault hits, and how much of them."""
    if isinstance(place, _InServer):
        return cohorts, 1.0
    for cohort in place.cohorts:
        if cohort not in cohorts:
            raise UsageError(f"{at}.cohorts: unknown cohort {cohort!r}; {near(cohort, cohorts)}")
    return tuple(dict.fromkeys(place.cohorts)) or cohorts, place.share


def _type_of(table: Mapping[str, Any], at: str) -> type[Fault]:
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in CATALOGUE:
        if kind is None:
            raise UsageError(f"{at}.kind: missing; allowed: {', '.join(CATALOGUE)}")
        raise UsageError(f"{at}.kind: unknown kind {kind!r}; {near(str(kind), CATALOGUE)}")
    return CATALOGUE[kind]
