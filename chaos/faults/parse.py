"""From the ``[[faults]]`` tables of a scenario to typed faults, or one clear line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, TypeVar, get_type_hints

import msgspec
from msgspec.structs import FieldInfo

from chaos.faults.catalogue import CATALOGUE
from chaos.faults.model import Fault, Means, Setting, Side
from chaos.faults.schedule import ScheduledFault
from harness.errors import UsageError
from harness.seeds import stream

_T = TypeVar("_T")
_DAY_S = 86_400.0
_FIRST_KEY = re.compile(r"`\$\.(\w+)")

Seconds = Annotated[
    float, msgspec.Meta(ge=0, le=_DAY_S, description="seconds after the load begins, 0 to 86400")
]


class _Always(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys that every fault has, whatever its kind."""

    name: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(#[1-9][0-9]*)?\Z",
            description="letters, digits, - and _, with #2, #3, … for a repeated fault",
        ),
    ]
    kind: Annotated[str, msgspec.Meta(description=", ".join(CATALOGUE))]
    at_s: Seconds
    for_s: Annotated[
        float, msgspec.Meta(gt=0, le=_DAY_S, description="seconds, more than 0, up to 86400")
    ]


Cohorts = Annotated[
    tuple[str, ...], msgspec.Meta(description="a list of cohort names; empty for all")
]
Share = Annotated[float, msgspec.Meta(gt=0, le=1, description="a number above 0, up to 1")]


class _OnNetwork(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a fault of the network is."""

    on: Annotated[Side, msgspec.Meta(description="realtime, api or both")]
    cohorts: Cohorts = ()
    share: Share = 1.0


class _InBrowsers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose browsers a fault is in."""

    cohorts: Cohorts = ()
    share: Share = 1.0


class _InServer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """There is one server, for all."""


_Where = _OnNetwork | _InBrowsers | _InServer
_WHERE: Mapping[Means, type[_Where]] = MappingProxyType(
    {
        "toxiproxy": _OnNetwork,
        "relay": _OnNetwork,
        "browser": _InBrowsers,
        "server": _InServer,
    }
)


def parse_faults(
    tables: Sequence[Mapping[str, Any]], *, where: str, cohorts: tuple[str, ...], seed: int
) -> tuple[ScheduledFault, ...]:
    """Read the faults of a scenario; ``where`` is its file, ``cohorts`` the names it defines.

    A fault without ``cohorts`` hits all of them. What it leaves to chance is drawn from ``seed``
    and its name. Raises :class:`UsageError` with one line that names the file, the key and what
    is allowed.
    """
    faults: list[ScheduledFault] = []
    for number, table in enumerate(tables):
        at = f"{where}: faults[{number}]"
        fault = _parse(table, at, cohorts, seed)
        if any(fault.name == other.name for other in faults):
            raise UsageError(
                f"{at}.name: {fault.name!r} is there twice; allowed: a name of its own,"
                f" e.g. {fault.name.partition('#')[0]}#{len(faults) + 1}"
            )
        faults.append(fault)
    return tuple(faults)


def _parse(
    table: Mapping[str, Any], at: str, cohorts: tuple[str, ...], seed: int
) -> ScheduledFault:
    type_ = _type_of(table, at)
    parts = (_Always, _WHERE[type_.means], type_)
    keys = [field.name for part in parts for field in _fields(part)]
    for key in table:
        if key not in keys:
            raise UsageError(f"{at}: unknown key {key!r}; allowed: {', '.join(keys)}")
    always = _part(_Always, table, at)
    place = _part(_WHERE[type_.means], table, at)
    fault = _part(type_, table, at)
    hit, share = _hit(place, at, cohorts)
    if fault.disables and share != 1:
        raise UsageError(
            f"{at}.share: {fault.kind} hits every connection; allowed: 1, or leave it out"
        )
    setting = Setting(
        label=always.name.replace("#", "."),  # "#" cannot stand in a toxic's URL
        share=share,
        for_s=always.for_s,
        rng=stream(seed, "faults", always.name),
    )
    stages = fault.stages(setting)
    if not any(stage.changes for stage in stages):
        raise UsageError(
            f"{at}: {fault.kind} would do nothing in {always.for_s:g} s under this seed;"
            " allowed: a longer for_s, or more of it"
        )
    if fault.means == "toxiproxy" and share != 1 and len(stages) > 1:
        raise UsageError(
            f"{at}.share: {fault.kind} changes on its way, and Toxiproxy picks the connections"
            " anew at every change; allowed: 1, or leave it out"
        )
    return ScheduledFault(
        name=always.name,
        fault=fault,
        on=place.on if isinstance(place, _OnNetwork) else None,
        cohorts=hit,
        at_s=always.at_s,
        for_s=always.for_s,
        share=share,
        stages=stages,
    )


def _hit(place: _Where, at: str, cohorts: tuple[str, ...]) -> tuple[tuple[str, ...], float]:
    """The cohorts that a fault hits, and how much of them."""
    if isinstance(place, _InServer):
        return cohorts, 1.0
    for cohort in place.cohorts:
        if cohort not in cohorts:
            raise UsageError(
                f"{at}.cohorts: unknown cohort {cohort!r}; allowed: {', '.join(cohorts)}"
            )
    return tuple(dict.fromkeys(place.cohorts)) or cohorts, place.share


def _type_of(table: Mapping[str, Any], at: str) -> type[Fault]:
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in CATALOGUE:
        said = "missing" if kind is None else f"unknown kind {kind!r}"
        raise UsageError(f"{at}.kind: {said}; allowed: {', '.join(CATALOGUE)}")
    return CATALOGUE[kind]


def _part(type_: type[_T], table: Mapping[str, Any], at: str) -> _T:
    """A ``type_`` from those keys of the table that are its own."""
    names = [field.name for field in _fields(type_)]
    return _convert({name: table[name] for name in names if name in table}, type_, at)


def _fields(type_: type) -> tuple[FieldInfo, ...]:
    return msgspec.structs.fields(type_)


def _convert(values: dict[str, Any], type_: type[_T], at: str) -> _T:
    """``values`` as a ``type_``, its field descriptions being the "allowed" of the error."""
    for field in _fields(type_):
        if field.required and field.name not in values:
            raise UsageError(f"{at}.{field.name}: missing; allowed: {_allowed(type_, field.name)}")
    try:
        return msgspec.convert(values, type_)
    except msgspec.ValidationError as error:
        found = _FIRST_KEY.search(str(error))
        if found is None:
            raise UsageError(f"{at}: {error}") from None
        key = found[1]
        raise UsageError(
            f"{at}.{key}: {values[key]!r} is not allowed; allowed: {_allowed(type_, key)}"
        ) from None


def _allowed(type_: type, key: str) -> str:
    meta = get_type_hints(type_, include_extras=True)[key].__metadata__[0]
    return str(meta.description)
