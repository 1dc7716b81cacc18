"""From the ``[[faults]]`` tables of a scenario to typed faults, or one clear line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar, get_type_hints

import msgspec
from msgspec.structs import FieldInfo

from chaos.faults.catalogue import CATALOGUE
from chaos.faults.model import Fault, Side
from chaos.faults.schedule import ScheduledFault
from harness.errors import UsageError

_T = TypeVar("_T")
_DAY_S = 86_400.0
_FIRST_KEY = re.compile(r"`\$\.(\w+)")

Seconds = Annotated[
    float, msgspec.Meta(ge=0, le=_DAY_S, description="seconds after the load begins, 0 to 86400")
]


class _Common(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys that every fault has, whatever its kind."""

    name: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(#[1-9][0-9]*)?\Z",
            description="letters, digits, - and _, with #2, #3, … for a repeated fault",
        ),
    ]
    kind: Annotated[str, msgspec.Meta(description=", ".join(CATALOGUE))]
    on: Annotated[Side, msgspec.Meta(description="realtime, api or both")]
    at_s: Seconds
    for_s: Annotated[
        float, msgspec.Meta(gt=0, le=_DAY_S, description="seconds, more than 0, up to 86400")
    ]
    cohorts: Annotated[
        tuple[str, ...], msgspec.Meta(description="a list of cohort names; empty for all")
    ] = ()
    share: Annotated[float, msgspec.Meta(gt=0, le=1, description="a number above 0, up to 1")] = 1.0


def parse_faults(
    tables: Sequence[Mapping[str, Any]], *, where: str, cohorts: tuple[str, ...]
) -> tuple[ScheduledFault, ...]:
    """Read the faults of a scenario; ``where`` is its file, ``cohorts`` the names it defines.

    A fault without ``cohorts`` hits all of them. Raises :class:`UsageError` with one line that
    names the file, the key and what is allowed.
    """
    faults: list[ScheduledFault] = []
    for number, table in enumerate(tables):
        at = f"{where}: faults[{number}]"
        fault = _parse(table, at, cohorts)
        if any(fault.name == other.name for other in faults):
            raise UsageError(
                f"{at}.name: {fault.name!r} is there twice; allowed: a name of its own,"
                f" e.g. {fault.name.partition('#')[0]}#{len(faults) + 1}"
            )
        faults.append(fault)
    return tuple(faults)


def _parse(table: Mapping[str, Any], at: str, cohorts: tuple[str, ...]) -> ScheduledFault:
    type_ = _type_of(table, at)
    common_keys, own_keys = (tuple(f.name for f in _fields(t)) for t in (_Common, type_))
    for key in table:
        if key not in (*common_keys, *own_keys):
            allowed = ", ".join((*common_keys, *own_keys))
            raise UsageError(f"{at}: unknown key {key!r}; allowed: {allowed}")
    common = _convert({k: v for k, v in table.items() if k in common_keys}, _Common, at)
    fault = _convert({k: v for k, v in table.items() if k in own_keys}, type_, at)
    for cohort in common.cohorts:
        if cohort not in cohorts:
            raise UsageError(
                f"{at}.cohorts: unknown cohort {cohort!r}; allowed: {', '.join(cohorts)}"
            )
    if fault.disables and common.share != 1:
        raise UsageError(
            f"{at}.share: {fault.kind} hits every connection; allowed: 1, or leave it out"
        )
    return ScheduledFault(
        name=common.name,
        fault=fault,
        on=common.on,
        cohorts=tuple(dict.fromkeys(common.cohorts)) or cohorts,
        at_s=common.at_s,
        for_s=common.for_s,
        share=common.share,
    )


def _type_of(table: Mapping[str, Any], at: str) -> type[Fault]:
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in CATALOGUE:
        said = "missing" if kind is None else f"unknown kind {kind!r}"
        raise UsageError(f"{at}.kind: {said}; allowed: {', '.join(CATALOGUE)}")
    return CATALOGUE[kind]


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
