"""Policies of a scenario's own: a preset with some fields changed, under a name of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from harness.client.policy import POLICIES, Policy
from harness.errors import UsageError
from scenarios.checking import typed
from scenarios.presets import Name, changed, changes, in_words, preset


class OwnPolicy(msgspec.Struct, frozen=True):
    """``[policies.NAME]`` as resolved."""

    base: str
    """The preset that it starts from."""
    policy: Policy
    """Named after the table."""

    @property
    def in_words(self) -> str:
        """Its name, and in brackets what it is made of."""
        return f"{self.policy.name} ({in_words(self.policy, POLICIES[self.base])})"


def resolve_policies(tables: Mapping[str, Any], *, where: str) -> tuple[OwnPolicy, ...]:
    """The policies of a scenario, in its order; ``where`` names the file in errors.

    Raises :class:`UsageError` for a name that a preset has, for a base that is none, and for a
    field or value that a policy does not take.
    """
    return tuple(_own(name, table, where) for name, table in tables.items())


def known_policies(own: tuple[OwnPolicy, ...]) -> dict[str, Policy]:
    """What a cohort may name: the presets and the scenario's own."""
    return POLICIES | {each.policy.name: each.policy for each in own}


def policy_tables(own: tuple[OwnPolicy, ...]) -> dict[str, dict[str, Any]]:
    """``[policies]`` as a scenario writes it: what each is based on and changes."""
    return {
        each.policy.name: {"base": each.base, **changes(each.policy, POLICIES[each.base])}
        for each in own
    }


def changed_policy(base: Policy, overrides: Mapping[str, Any], *, where: str, key: str) -> Policy:
    """:func:`scenarios.presets.changed` for a policy, whose fields must also fit each other."""
    policy = changed(base, overrides, where=where, key=key)
    if policy.poll_jitter_s >= policy.poll_period_s:
        # A poll would be due before the one that it follows.
        raise UsageError(
            f"{where}: {key}.poll_jitter_s: {policy.poll_jitter_s:g} is too much for a "
            f"poll_period_s of {policy.poll_period_s:g}; less than that"
        )
    return policy


def _own(name: str, table: Any, where: str) -> OwnPolicy:
    key = f"policies.{name}"
    typed(name, Name, where=where, key=key)
    if name in POLICIES:
        raise UsageError(f"{where}: {key}: is the name of a preset; choose another name")
    fields = dict(typed(table, dict, where=where, key=key))
    if "base" not in fields:
        raise UsageError(f"{where}: {key}.base: is missing; one of {', '.join(POLICIES)}")
    base = typed(fields.pop("base"), str, where=where, key=f"{key}.base")
    start = preset(base, POLICIES, where=where, key=f"{key}.base")
    start = msgspec.structs.replace(start, name=name)
    return OwnPolicy(base, changed_policy(start, fields, where=where, key=key))
