"""Cohorts: shares of the population, each with its client policy and its realtime-js."""

from __future__ import annotations

import math
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from harness.client.library import CURRENT, LIBRARIES, Library
from harness.client.policy import POLICIES, Policy
from harness.errors import UsageError
from harness.near_names import near
from scenarios.checking import typed

Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9-]{0,39}\Z",
        description="up to 40 small letters, digits and -, a letter first",
    ),
]

_RESERVED = "all"


class Cohort(msgspec.Struct, frozen=True, kw_only=True):
    """A share of the population with the same client policy."""

    name: str
    share: float
    policy: Policy
    """A preset with the cohort's overrides; its ``name`` stays the preset's."""
    library: Library = CURRENT
    """The realtime-js of its pages."""


class CohortTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[cohorts]]`` as written in a scenario."""

    name: Name
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    policy: str = "plan"
    overrides: dict[str, Any] = {}
    """Any field of the policy but its name."""
    library: str = CURRENT.name


def resolve(tables: tuple[CohortTable, ...], *, where: str) -> tuple[Cohort, ...]:
    """The cohorts with their policies; ``where`` names the file in errors.

    Raises :class:`UsageError` for a name that is there twice or means everybody, for shares that
    do not add up to 1, for an unknown policy or library and for an override that the policy
    refuses.
    """
    names = [table.name for table in tables]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{where}: cohorts: {name} is there twice; names must differ")
        if name == _RESERVED:
            raise UsageError(f"{where}: cohorts: {name} means everybody; choose another name")
    total = math.fsum(table.share for table in tables)
    if not math.isclose(total, 1.0, abs_tol=1e-6):
        raise UsageError(f"{where}: cohorts: the shares add up to {total:g}; they must add up to 1")
    return tuple(
        Cohort(
            name=table.name,
            share=table.share,
            policy=_policy(table, where),
            library=_library(table, where),
        )
        for table in tables
    )


def as_table(cohort: Cohort) -> dict[str, Any]:
    """The cohort as a scenario writes it: its preset's name, and what differs from the preset."""
    preset = msgspec.structs.asdict(POLICIES[cohort.policy.name])
    fields = msgspec.structs.asdict(cohort.policy)
    overrides = {field: value for field, value in fields.items() if value != preset[field]}
    table = {
        "name": cohort.name,
        "share": cohort.share,
        "policy": cohort.policy.name,
        "library": cohort.library.name,
    }
    return table | ({"overrides": overrides} if overrides else {})


def _library(table: CohortTable, where: str) -> Library:
    if table.library not in LIBRARIES:
        hint = near(table.library, LIBRARIES)
        raise UsageError(
            f"{where}: cohorts.{table.name}.library: {table.library!r} is not known; {hint}"
        )
    return LIBRARIES[table.library]


def _policy(table: CohortTable, where: str) -> Policy:
    key = f"cohorts.{table.name}"
    if table.policy not in POLICIES:
        hint = near(table.policy, POLICIES)
        raise UsageError(f"{where}: {key}.policy: {table.policy!r} is not known; {hint}")
    if "name" in table.overrides:
        raise UsageError(f"{where}: {key}.overrides.name: stays the preset's; leave it out")
    fields = msgspec.structs.asdict(POLICIES[table.policy]) | table.overrides
    return typed(fields, Policy, where=where, key=f"{key}.overrides")
