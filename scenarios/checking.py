"""From tables as TOML gives them to typed values; a mistake is one line that says what is allowed.

The line names the file, the key as a person would write it (``cohorts.chrome.share``, not
``cohorts[0].share``) and what is allowed there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from harness.errors import UsageError
from harness.near_names import near

T = TypeVar("T")


_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>\d+|\.\.\.)\]")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`")
_MISSING = re.compile(r"Object missing required field `(?P<field>.*)`")
_CHOICE = re.compile(r"Invalid enum value (?P<value>.*)")
_REGEX = "matching regex"
_WORDS = {
    "`float | null`": "a number",
    "`int | null`": "a whole number",
    "`str | null`": "text",
    "`array | null`": "a list",
    "`int`": "a whole number",
    "`float`": "a number",
    "`str`": "text",
    "`bool`": "true or false",
    "`array`": "a list",
    "`object`": "a table",
}


def typed(raw: Any, kind: type[T], *, where: str, key: str = "") -> T:
    """``raw`` as a ``kind`` (a msgspec struct). ``key`` is the place of ``raw`` in the file.

    Raises :class:`UsageError` for an unknown or missing key, a wrong type or a value out of its
    bounds.
    """
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise UsageError(_in_words(str(error), raw, kind, where, key)) from None


def dotted(*parts: str) -> str:
    """The key made of those parts that are not empty."""
    return ".".join(part for part in parts if part)


def _in_words(message: str, raw: Any, kind: type, where: str, key: str) -> str:
    what, _, path = message.partition(" - at `$")
    place, info, meant = _follow(path.removesuffix("`"), raw, kind)
    at = dotted(key, place)
    if found := _UNKNOWN.match(what):
        field = found["field"]
        return f"{where}: {dotted(at, field)}: no such key; {near(field, _fields(info))}"
    if found := _MISSING.match(what):
        return f"{where}: {dotted(at, found['field'])}: is missing"
    if found := _CHOICE.match(what):
        choices = info.values if isinstance(info, msgspec.inspect.LiteralType) else ()
        return f"{where}: {at}: {found['value']} is not allowed; {near('', map(str, choices))}"
    if meant and _REGEX in what:
        return f"{where}: {at}: expected {meant}"
    for code, words in _WORDS.items():
        what = what.replace(code, words)
    return f"{where}: {at or 'the file'}: {what[:1].lower()}{what[1:]}"


def _follow(path: str, raw: Any, kind: type) -> tuple[str, msgspec.inspect.Type, str]:
    """Walk msgspec's path through the value and its type.

    Gives the key as a person would write it, the type there, and the description that the
    type's ``Meta`` carries (empty where it has none).
    """
    info, meant = _bare(msgspec.inspect.type_info(kind))
    place = ""
    for step in _STEP.finditer(path):
        if (name := step["name"]) is not None:
            raw = raw.get(name) if isinstance(raw, Mapping) else None
            info, meant = _bare(_field_type(info, name))
            place = dotted(place, name)
        elif isinstance(info, msgspec.inspect.DictType) and isinstance(raw, Mapping):
            info, meant = _bare(info.value_type)
            name = _culprit(raw, info)
            raw = raw.get(name)
            place = dotted(place, name) if name else f"{place}{step[0]}"
        else:
            raw = _item(raw, step["index"])
            info, meant = _bare(getattr(info, "item_type", info))
            place = dotted(place, label) if (label := _label(raw)) else f"{place}{step[0]}"
    return place, info, meant


def _bare(info: msgspec.inspect.Type) -> tuple[msgspec.inspect.Type, str]:
    if isinstance(info, msgspec.inspect.Metadata):
        return info.type, str((info.extra_json_schema or {}).get("description", ""))
    return info, ""


def _item(raw: Any, index: str) -> Any:
    within = isinstance(raw, list) and index.isdigit() and int(index) < len(raw)
    return raw[int(index)] if within else None


def _culprit(raw: Mapping[str, Any], info: msgspec.inspect.Type) -> str:
    """The first key whose value is not of the type, which msgspec's path does not name; empty for
    types that no table of a scenario has."""
    kind: type | None = None
    if isinstance(info, msgspec.inspect.StructType):
        kind = info.cls
    elif isinstance(info, msgspec.inspect.FloatType):
        kind = float
    for name, value in raw.items() if kind is not None else ():
        try:
            msgspec.convert(value, kind)
        except msgspec.ValidationError:
            return name
    return ""


def _label(row: Any) -> str:
    """What a row of a list is called: a cohort by its name, a gate by its metric."""
    if not isinstance(row, Mapping):
        return ""
    label = row.get("name", row.get("metric"))
    return label if isinstance(label, str) else ""


def _field_type(info: msgspec.inspect.Type, name: str) -> msgspec.inspect.Type:
    if isinstance(info, msgspec.inspect.StructType):
        return next((f.type for f in info.fields if f.encode_name == name), info)
    return info


def _fields(info: msgspec.inspect.Type) -> tuple[str, ...]:
    if isinstance(info, msgspec.inspect.StructType):
        return tuple(field.encode_name for field in info.fields)
    return ()
