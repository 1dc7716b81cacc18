"""Cohorts: shares of the population, each with its policy, realtime-js and browser."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from harness.client.browser import BROWSERS, CHROME, Browser
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

Preset = TypeVar("Preset", Policy, Browser, Library)

_RESERVED = "all"


class Cohort(msgspec.Struct, frozen=True, kw_only=True):
    """A share of the population with the same client policy."""

    name: str
    share: float
    policy: Policy
    """A preset with the cohort's overrides; its ``name`` stays the preset's."""
    library: Library = CURRENT
    """The realtime-js of its pages."""
    browser: Browser = CHROME
    """What its pages run in: likewise a preset with overrides."""


class CohortTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[[cohorts]]`` as written in a scenario."""

    name: Name
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    policy: str = "plan"
    overrides: dict[str, Any] = {}
    """Any field of the policy but its name."""
    library: str = CURRENT.name
    browser: str = CHROME.name
    browser_overrides: dict[str, Any] = {}
    """Any field of the browser but its name."""


def resolve(tables: tuple[CohortTable, ...], *, where: str) -> tuple[Cohort, ...]:
    """The cohorts with their policies; ``where`` names the file in errors.

    Raises :class:`UsageError` for a name that is there twice or means everybody, for shares that
    do not add up to 1, for an unknown policy, library or browser and for an override that it
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
    return tuple(_cohort(table, where) for table in tables)


def as_table(cohort: Cohort) -> dict[str, Any]:
    """The cohort as a scenario writes it: its presets' names, and what differs from the presets."""
    table = {
        "name": cohort.name,
        "share": cohort.share,
        "policy": cohort.policy.name,
        "library": cohort.library.name,
        "browser": cohort.browser.name,
    }
    tables = {
        "overrides": changes(cohort.policy, POLICIES),
        "browser_overrides": changes(cohort.browser, BROWSERS),
    }
    return table | {key: below for key, below in tables.items() if below}


def changes(value: Preset, presets: Mapping[str, Preset]) -> dict[str, Any]:
    """The fields of a changed preset that differ from the preset of its name."""
    preset, own = msgspec.structs.asdict(presets[value.name]), msgspec.structs.asdict(value)
    return {field: own[field] for field in own if own[field] != preset[field]}


def _cohort(table: CohortTable, where: str) -> Cohort:
    key = f"cohorts.{table.name}"
    policy = _preset(table.policy, POLICIES, where=where, key=f"{key}.policy")
    browser = _preset(table.browser, BROWSERS, where=where, key=f"{key}.browser")
    return Cohort(
        name=table.name,
        share=table.share,
        policy=_changed(policy, table.overrides, where=where, key=f"{key}.overrides"),
        library=_preset(table.library, LIBRARIES, where=where, key=f"{key}.library"),
        browser=_changed(
            browser, table.browser_overrides, where=where, key=f"{key}.browser_overrides"
        ),
    )


def _preset(name: str, presets: Mapping[str, Preset], *, where: str, key: str) -> Preset:
    if name not in presets:
        raise UsageError(f"{where}: {key}: {name!r} is not known; {near(name, presets)}")
    return presets[name]


def _changed(preset: Preset, overrides: dict[str, Any], *, where: str, key: str) -> Preset:
    if "name" in overrides:
        raise UsageError(f"{where}: {key}.name: stays the preset's; leave it out")
    return typed(msgspec.structs.asdict(preset) | overrides, type(preset), where=where, key=key)
