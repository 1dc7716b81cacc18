"""Presets by name, and some of their fields changed: how a scenario takes policies and browsers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from harness.client.browser import Browser
from harness.client.library import Library
from harness.client.policy import Policy
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
"""What a scenario may call itself, a cohort or a policy."""

Preset = TypeVar("Preset", Policy, Browser, Library)


def preset(name: str, presets: Mapping[str, Preset], *, where: str, key: str) -> Preset:
    """The preset of that name. Raises :class:`UsageError` with the names near to it."""
    if name not in presets:
        raise UsageError(f"{where}: {key}: {name!r} is not known; {near(name, presets)}")
    return presets[name]


def changed(base: Preset, overrides: Mapping[str, Any], *, where: str, key: str) -> Preset:
    """``base`` with some of its fields as in ``overrides``; its name stays.

    Raises :class:`UsageError` for a field that there is not, or a value that it does not take.
    """
    if "name" in overrides:
        raise UsageError(f"{where}: {key}.name: stays {base.name}; leave it out")
    return typed(msgspec.structs.asdict(base) | dict(overrides), type(base), where=where, key=key)


def changes(value: Preset, base: Preset) -> dict[str, Any]:
    """The fields in which ``value`` differs from ``base``, but for the name."""
    own, other = msgspec.structs.asdict(value), msgspec.structs.asdict(base)
    return {name: own[name] for name in own if name != "name" and own[name] != other[name]}


def in_words(value: Preset, base: Preset, called: str = "") -> str:
    """The preset's name and every field that differs from it: a reader must not take a changed
    plan for the plan. ``called``: what stands in place of the preset's name."""
    own = [f"{key} = {said(new)}" for key, new in changes(value, base).items()]
    name = called or base.name
    return f"{name}, changed: {', '.join(own)}" if own else name


def said(value: Any) -> str:
    """A field's value as a scenario writes it, but that text has no quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
