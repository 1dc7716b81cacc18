"""From a TOML table to typed values; each mistake is one line that says what is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec
from msgspec.structs import FieldInfo

from harness.errors import UsageError

_T = TypeVar("_T")
_FIRST_KEY = re.compile(r"`\$\.(\w+)")


def part(type_: type[_T], table: Mapping[str, Any], at: str) -> _T:
    """A ``type_`` from those keys of the table that are its own; ``at`` is the table's place.

    The description of a field is the "allowed" of its error. Raises :class:`UsageError`.
    """
    own = {field.name: table[field.name] for field in fields(type_) if field.name in table}
    for field in fields(type_):
        if field.required and field.name not in own:
            raise missing(type_, field.name, at)
    try:
        return msgspec.convert(own, type_)
    except msgspec.ValidationError as error:
        found = _FIRST_KEY.search(str(error))
        if found is None:
            raise UsageError(f"{at}: {error}") from None
        key = found[1]
        raise UsageError(
            f"{at}.{key}: {own[key]!r} is not allowed; allowed: {_allowed(type_, key)}"
        ) from None


def missing(type_: type, key: str, at: str) -> UsageError:
    """The error for a key that must be there."""
    return UsageError(f"{at}.{key}: missing; allowed: {_allowed(type_, key)}")


def fields(type_: type) -> tuple[FieldInfo, ...]:
    return msgspec.structs.fields(type_)


def _allowed(type_: type, key: str) -> str:
    hint = get_type_hints(type_, include_extras=True)[key]
    annotated = hint if hasattr(hint, "__metadata__") else get_args(hint)[0]  # of "… | None"
    return str(annotated.__metadata__[0].description)
