"""The columns of ``messages``: their types, and their values out of texts and rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from harness.server.rest.errors import RestError, bad_value, no_column
from harness.wire.api import uuid_text
from harness.wire.changes import MESSAGE_COLUMNS, MessageRow

Value = int | str | bool | datetime

TYPES: Mapping[str, str] = MappingProxyType({one.name: one.type for one in MESSAGE_COLUMNS})
"""Columns in the table's order, with ``pg_type.typname``."""
_BIGINT = re.compile(r"\s*([+-]?[0-9]{1,30})\s*")
_TRUE = frozenset({"t", "true", "y", "yes", "on", "1"})
_FALSE = frozenset({"f", "false", "n", "no", "off", "0"})
_MAX_INT8 = 2**63 - 1


def checked(name: str) -> str:
    """``name``, which must be a column. Raises :class:`RestError`."""
    if name not in TYPES:
        raise no_column(name)
    return name


def value_of(column: str, text: str) -> Value:
    """A text as a value of ``column``. Raises :class:`RestError` for one that is none."""
    if "\0" in text:
        raise RestError(400, "22021", 'invalid byte sequence for encoding "UTF8": 0x00')
    return _PARSERS[TYPES[column]](text)


def value_in(row: MessageRow, column: str) -> Value:
    """The value of a row, comparable with those of :func:`value_of`."""
    value: int | str | bool = getattr(row, column)
    return _timestamp(str(value)) if TYPES[column] == "timestamptz" else value


def _bigint(text: str) -> int:
    digits = _BIGINT.fullmatch(text)
    if digits is None:
        raise bad_value("bigint", text)
    number = int(digits.group(1))
    if not -_MAX_INT8 - 1 <= number <= _MAX_INT8:
        raise RestError(400, "22003", f'value "{text}" is out of range for type bigint')
    return number


def _uuid(text: str) -> str:
    uuid = uuid_text(text)
    if uuid is None:
        raise bad_value("uuid", text)
    return uuid


def _bool(text: str) -> bool:
    word = text.strip().lower()
    if word not in _TRUE | _FALSE:
        raise bad_value("boolean", text)
    return word in _TRUE


def _timestamp(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise bad_value("timestamp with time zone", text) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


_PARSERS: Mapping[str, Callable[[str], Value]] = MappingProxyType(
    {"int8": _bigint, "uuid": _uuid, "text": str, "bool": _bool, "timestamptz": _timestamp}
)
