"""Cohorts: shares of the population, each with its policy, realtime-js and browser."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from harness.client.browser import CHROME, Browser
from harness.client.library import CURRENT, Library
from harness.client.policy import Policy
from harness.errors import UsageError
from scenarios.constants import Presets
from scenarios.policies import changed_policy
from scenarios.presets import Name, changed, changes, preset

_RESERVED = "all"


class Cohort(msgspec.Struct, frozen=True, kw_only=True):
    """A share of the population with the same client policy."""

    name: str
    share: float
    policy: Policy
    """A preset, or a policy of the scenario's own, with the cohort's overrides; its ``name``
    stays."""
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


def resolve(
    tables: tuple[CohortTable, ...],
    policies: Mapping[str, Policy],
    presets: Presets,
    *,
    where: str,
) -> tuple[Cohort, ...]:
    """The cohorts with their ``policies``, by name; ``where`` names the file in errors.

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
    return tuple(_cohort(table, policies, presets, where) for table in tables)


def as_table(cohort: Cohort, policies: Mapping[str, Policy], presets: Presets) -> dict[str, Any]:
    """The cohort as a scenario writes it: its presets' names, and what differs from the presets."""
    table = {
        "name": cohort.name,
        "share": cohort.share,
        "policy": cohort.policy.name,
        "library": cohort.library.name,
        "browser": cohort.browser.name,
    }
    tables = {
        "overrides": changes(cohort.policy, policies[cohort.policy.name]),
        "browser_overrides": changes(cohort.browser, presets.browsers[cohort.browser.name]),
    }
    return table | {key: below for key, below in tables.items() if below}


def _cohort(
    table: CohortTable, policies: Mapping[str, Policy], presets: Presets, where: str
) -> Cohort:
    key = f"cohorts.{table.name}"
    policy = preset(table.policy, policies, where=where, key=f"{key}.policy")
    browser = preset(table.browser, presets.browsers, where=where, key=f"{key}.browser")
    return Cohort(
        name=table.name,
        share=table.share,
        policy=changed_policy(policy, table.overrides, where=where, key=f"{key}.overrides"),
        library=preset(table.library, presets.libraries, where=where, key=f"{key}.library"),
        browser=changed(
            browser, table.browser_overrides, where=where, key=f"{key}.browser_overrides"
        ),
    )
