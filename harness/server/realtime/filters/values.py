"""The values of a filter, read as PostgreSQL 15 reads them for the type of a column. Pure.

``timestamptz`` is read in its ISO forms only, with UTC where no offset is given; the many other
notations of PostgreSQL count as malformed here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

TYPE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "int8": "bigint",
        "uuid": "uuid",
        "text": "text",
        "timestamptz": "timestamp with time zone",
        "bool": "boolean",
    }
)
"""From ``pg_type.typname`` to how PostgreSQL's messages call the type."""

Value = int | str | bool
"""Of equal types two values compare as in PostgreSQL; ``timestamptz`` is in microseconds since
1970. Texts compare by code point, as under the collation ``C``."""

_SPACE = " \t\n\v\f\r"
_INT = re.compile(rf"[{_SPACE}]*([+-]?[0-9]+)", re.ASCII)
_UUID = re.compile(r"(?:[0-9a-f]{4}-?){7}[0-9a-f]{4}")
_MOMENT = re.compile(
    rf"[{_SPACE}]*([0-9]{{4}})-([0-9]{{1,2}})-([0-9]{{1,2}})"
    rf"(?:(?:T|[{_SPACE}]+)([0-9]{{1,2}}):([0-9]{{2}})(?::([0-9]{{2}})(\.[0-9]*)?)?"
    rf"[{_SPACE}]*(?:(Z|UTC)|([+-][0-9]{{1,2}})(?::?([0-9]{{2}}))?)?)?[{_SPACE}]*",
    re.ASCII | re.IGNORECASE,
)
_EMPTY_ARRAY = re.compile(rf"\{{[{_SPACE}]*\}}")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
# One quoted text, or a run of characters of which the reserved ones are escaped.
_ELEMENT = re.compile(
    rf'[{_SPACE}]*(?:"((?:[^"\\]|\\.)*)"[{_SPACE}]*|((?:[^"\\,{{}}]|\\.)*))([,}}])', re.DOTALL
)
_FOREVER_US = 2**63
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PostgresError(Exception):
    """What PostgreSQL would raise, in the words in which its Elixir driver passes it on."""

    def __init__(self, code: str, name: str, message: str, more: str = "") -> None:
        super().__init__(f"ERROR {code} ({name}) {message}{more}")


def raised(message: str) -> PostgresError:
    """The error of a ``raise exception``."""
    return PostgresError("P0001", "raise_exception", message)


def cast(text: str, type_: str) -> Value:
    """A text as a value of a type. Raises :class:`PostgresError`."""
    if "\0" in text:
        message = 'invalid byte sequence for encoding "UTF8": 0x00'
        raise PostgresError("22021", "character_not_in_repertoire", message)
    return _CASTS[type_](text)


def cast_array(text: str, type_: str) -> tuple[Value | None, ...]:
    """A text like ``{1,NULL,"a,b"}`` as values of a type. Raises :class:`PostgresError`.

    Arrays of arrays, which PostgreSQL would take, count as malformed.
    """
    return tuple(None if one is None else cast(one, type_) for one in _elements(text))


def _int8(text: str) -> Value:
    digits = _INT.match(text)
    if digits is None:
        raise _malformed(text, "int8")
    # Bounded before int(): the length of a number is the client's choice.
    if len(digits.group(1).lstrip("+-").lstrip("0")) > 19 or not (
        -(2**63) <= int(digits.group(1)) < 2**63
    ):
        message = f'value "{text}" is out of range for type bigint'
        raise PostgresError("22003", "numeric_value_out_of_range", message)
    if text[digits.end() :].strip(_SPACE):
        raise _malformed(text, "int8")
    return int(digits.group(1))


def _uuid(text: str) -> Value:
    bare = text[1:-1] if text[:1] == "{" and text[-1:] == "}" else text
    if not _UUID.fullmatch(bare.lower()):
        raise _malformed(text, "uuid")
    digits = bare.lower().replace("-", "")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _text(text: str) -> Value:
    return text


def _bool(text: str) -> Value:
    word = text.strip(_SPACE).lower()
    for whole, value in (("true", True), ("yes", True), ("false", False), ("no", False)):
        if word and whole.startswith(word):
            return value
    known = {"on": True, "1": True, "of": False, "off": False, "0": False}
    if word not in known:
        raise _malformed(text, "bool")
    return known[word]


def _timestamptz(text: str) -> Value:
    special = {"infinity": _FOREVER_US, "-infinity": -_FOREVER_US, "epoch": 0}
    if (word := text.strip(_SPACE).lower()) in special:
        return special[word]
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise _malformed(text, "timestamptz", "22007", "invalid_datetime_format")
    year, month, day = (int(one) for one in found.groups()[:3])
    hour, minute, second = (int(one or 0) for one in found.groups()[3:6])
    offset_minutes = int(found.group(10) or 0)
    offset_hours = int(found.group(9) or 0)
    if (found.group(9) or "").startswith("-"):
        offset_minutes = -offset_minutes
    hint = '\n\n    hint: Perhaps you need a different "datestyle" setting.'
    if not (1 <= month <= 12 and 1 <= day <= 31):
        raise _out_of_range(text, hint)
    if abs(offset_hours) > 15 or abs(offset_minutes) > 59:
        message = f'time zone displacement out of range: "{text}"'
        raise PostgresError("22009", "invalid_time_zone_displacement_value", message)
    at_end_of_day = (hour, minute, second) == (24, 0, 0)
    if minute > 59 or second > 60 or (hour > 23 and not at_end_of_day):
        raise _out_of_range(text)
    fraction_us = round(float("0" + (found.group(7) or ".0") + "0") * 1e6)
    try:
        date = datetime(year, month, day, tzinfo=UTC)
    except ValueError:
        raise _out_of_range(text) from None
    since = date - _EPOCH
    since += timedelta(hours=hour - offset_hours, minutes=minute - offset_minutes, seconds=second)
    return since // timedelta(microseconds=1) + fraction_us


_CASTS: Mapping[str, Callable[[str], Value]] = MappingProxyType(
    {"int8": _int8, "uuid": _uuid, "text": _text, "timestamptz": _timestamptz, "bool": _bool}
)


def _malformed(
    text: str, type_: str, code: str = "22P02", name: str = "invalid_text_representation"
) -> PostgresError:
    message = f'invalid input syntax for type {TYPE_NAMES[type_]}: "{text}"'
    return PostgresError(code, name, message)


def _out_of_range(text: str, hint: str = "") -> PostgresError:
    message = f'date/time field value out of range: "{text}"'
    return PostgresError("22008", "datetime_field_overflow", message, hint)


def _elements(text: str) -> Iterator[str | None]:
    """The elements of an array literal, ``None`` for an unquoted NULL."""
    if _EMPTY_ARRAY.fullmatch(text):
        return
    position = 1
    while True:
        found = _ELEMENT.match(text, position)
        if found is None:
            raise _malformed_array(text)
        quoted, bare = found.group(1), _trimmed(found.group(2) or "")
        if quoted is None and not bare:
            raise _malformed_array(text)
        is_null = quoted is None and bare.upper() == "NULL"
        yield None if is_null else _ESCAPED.sub(r"\1", bare if quoted is None else quoted)
        position = found.end()
        if found.group(3) == "}":
            break
    if position != len(text):
        raise _malformed_array(text, "Junk after closing right brace.")


def _trimmed(bare: str) -> str:
    """Without the white space around it; what a backslash escapes is none."""
    trimmed = bare.strip(_SPACE)
    backslashes = len(trimmed) - len(trimmed.rstrip("\\"))
    return trimmed + bare.lstrip(_SPACE)[len(trimmed) :][: backslashes % 2]


def _malformed_array(text: str, detail: str = "") -> PostgresError:
    more = f"\n\n{detail}" if detail else ""
    message = f'malformed array literal: "{text}"'
    return PostgresError("22P02", "invalid_text_representation", message, more)
