"""The text of a filter: ``webinar_id=eq.42,body=not.like.%spam%``. Pure.

Conditions are parted by commas and all must hold. A value in double quotes may contain commas,
parentheses and dots; a backslash there takes the next character literally.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.server.realtime.filters.elixir_text import inspected

OPERATORS = (
    *("eq", "neq", "lt", "lte", "gt", "gte", "in"),
    *("like", "ilike", "is", "match", "imatch", "isdistinct"),
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True)
class Condition:
    """One condition as written; nothing says yet that there is such a column."""

    column: str
    operator: str
    """One of :data:`OPERATORS`."""
    value: str
    """Without its quotes; for ``in`` an array as PostgreSQL writes it, ``{1,2}``."""
    negated: bool


def parse_filter(text: str) -> tuple[Condition, ...] | str:
    """The conditions of a filter, none for a blank one; or why it makes no sense."""
    if not text.strip():
        return ()
    conditions = []
    for segment in _segments(text.strip()):
        condition = _condition(segment.strip())
        if isinstance(condition, str):
            return condition
        conditions.append(condition)
    return tuple(conditions)


def _segments(text: str) -> Iterator[str]:
    """Part a filter at the commas that are neither quoted nor inside parentheses."""
    begin = depth = 0
    quoted = False
    before = ""
    position = 0
    while position < len(text):
        char = text[position]
        if quoted and char == "\\":
            position += 1
        elif char == '"':
            # A quote opens only where a value may begin.
            quoted = not quoted and before in (".", "(", ",")
        elif not quoted and char in "()":
            depth = max(0, depth + (1 if char == "(" else -1))
        elif not quoted and char == "," and depth == 0:
            yield text[begin:position]
            begin = position + 1
            char = ""
        before = char
        position += 1
    yield text[begin:]


def _condition(segment: str) -> Condition | str:
    if not segment:
        return "filter must not contain empty segments (check for extra commas)"
    column, equals, rest = segment.partition("=")
    if not equals:
        return inspected([segment])
    negated = rest.startswith("not.")
    rest = rest.removeprefix("not.")
    operator, dot, value = rest.partition(".")
    if not dot or operator not in OPERATORS:
        return inspected([operator, value] if dot else [rest])
    if operator == "in":
        if len(value) < 2 or value[0] != "(" or value[-1] != ")":
            return "`in` filter value must be wrapped by parentheses"
        value = "{" + value[1:-1] + "}"
    else:
        value = _unquoted(value)
    return Condition(column, operator, value, negated)


def _unquoted(value: str) -> str:
    """Take the quotes off; a value that is not quoted as a whole stays as it is."""
    whole = _QUOTED.fullmatch(value)
    return value if whole is None else _ESCAPED.sub(r"\1", whole.group(1))
