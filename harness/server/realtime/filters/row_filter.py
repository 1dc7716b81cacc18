"""Filters of ``postgres_changes`` bindings: checked once at the join, asked for every row. Pure.

Logic is three-valued as in SQL: a comparison with an absent value is neither true nor false,
and a row passes only where every condition is true.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from harness.server.realtime.filters.automaton import RegexError
from harness.server.realtime.filters.posix_regex import compile_regex
from harness.server.realtime.filters.syntax import Condition
from harness.server.realtime.filters.values import TYPE_NAMES, Value, cast, cast_array, raised
from harness.wire.changes import MESSAGE_COLUMNS, MessageRow

MAX_IN_VALUES = 100
_TYPES = {column.name: column.type for column in MESSAGE_COLUMNS}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    **{"eq": eq, "neq": ne, "lt": lt, "lte": le, "gt": gt, "gte": ge},
}
_KEYWORDS: dict[str, bool | None] = {"null": None, "unknown": None, "true": True, "false": False}

Check = Callable[[Value | None], bool | None]


@dataclass(frozen=True)
class Predicate:
    """A condition that is ready to be asked. Equal conditions are equal predicates."""

    condition: Condition
    type: str
    check: Check = field(compare=False, repr=False)

    def passes(self, row: MessageRow) -> bool:
        """Whether a row is known to fulfil the condition."""
        value = getattr(row, self.condition.column)
        return self.check(cast(value, self.type) if isinstance(value, str) else value) is True


@dataclass(frozen=True)
class RowFilter:
    """All conditions of a binding; without any, every row passes."""

    predicates: tuple[Predicate, ...] = ()

    @property
    def room(self) -> int | None:
        """The one webinar whose rows can pass; ``None`` where that cannot be told."""
        for one in self.predicates:
            condition = one.condition
            if (condition.column, condition.operator, condition.negated) == (
                "webinar_id",
                "eq",
                False,
            ):
                return int(cast(condition.value, "int8"))
        return None

    def passes(self, row: MessageRow, *, key_only: bool = False) -> bool:
        """Whether a row passes. ``key_only``: nothing but its primary key is known, so that a
        condition on any other column fails."""
        return all(one.passes(row) for one in self.predicates) and not (
            key_only and any(one.condition.column != "id" for one in self.predicates)
        )


def compile_filter(conditions: Iterable[Condition]) -> RowFilter:
    """Check conditions against the messages table.

    Raises :class:`~harness.server.realtime.filters.values.PostgresError`.
    """
    return RowFilter(tuple(_compiled(one) for one in conditions))


def _compiled(condition: Condition) -> Predicate:
    if condition.column not in _TYPES:
        raise raised(f"invalid column for filter {condition.column}")
    type_ = _TYPES[condition.column]
    return Predicate(condition, type_, _check(condition, type_))


def _check(condition: Condition, type_: str) -> Check:
    operator, text, negated = condition.operator, condition.value, condition.negated
    if operator == "is":
        known = _keyword(text, type_)
        return lambda value: (value is known) is not negated
    if operator == "isdistinct":
        other = cast(text, type_)
        return lambda value: (value != other) is not negated
    test = _test(operator, text, type_)

    def check(value: Value | None) -> bool | None:
        result = None if value is None else test(value)
        return None if result is None else result is not negated

    return check


def _keyword(text: str, type_: str) -> bool | None:
    if text not in _KEYWORDS:
        raise raised("invalid value for is filter: must be null, true, false, or unknown")
    if text != "null" and type_ != "bool":
        raise raised(f"is {text} filter requires a boolean column, got {TYPE_NAMES[type_]}")
    return _KEYWORDS[text]


def _test(operator: str, text: str, type_: str) -> Callable[[Any], bool | None]:
    """The operator for a value that is there."""
    match operator:
        case "in":
            return _in(text, type_)
        case "like" | "ilike" | "match" | "imatch" if type_ != "text":
            got = TYPE_NAMES[type_]
            raise raised(f"operator {operator} requires a text-compatible column type, got {got}")
        case "like":
            return like(text)
        case "ilike":
            folded = like(text.lower())
            return lambda value: folded(value.lower())
        case "match" | "imatch":
            try:
                return compile_regex(text, ignore_case=operator == "imatch").found_in
            except RegexError as error:
                message = f"invalid regular expression: {error}"
                where = f"invalid regular expression for {operator} filter"
                raise raised(f"{where}: {message}") from None
        case _:
            compare, other = _COMPARISONS[operator], cast(text, type_)
            return lambda value: compare(value, other)


def _in(text: str, type_: str) -> Callable[[Any], bool | None]:
    values = cast_array(text, type_)
    if len(values) > MAX_IN_VALUES:
        raise raised(f"too many values for `in` filter. Maximum {MAX_IN_VALUES}")
    known = frozenset(one for one in values if one is not None)
    # An absent element might be equal: without another that is, nothing is known.
    otherwise = None if None in values else False
    return lambda value: True if value in known else otherwise


def like(pattern: str, *, escape: str = "\\") -> Callable[[str], bool]:
    """SQL's ``LIKE``, in time linear in the text for each part between two ``%``.

    A pattern that ends in a lone escape never matches; PostgreSQL raises an error there, which
    on the genuine server would stop the change stream of the whole project.
    """
    # A part has a fixed length: nothing in it can make the engine try again.
    parts: list[str] = [""]
    characters = iter(pattern)
    for char in characters:
        if char == escape and escape:
            escaped = next(characters, None)
            if escaped is None:
                return lambda _: False
            parts[-1] += re.escape(escaped)
        elif char == "%":
            parts.append("")
        else:
            parts[-1] += "." if char == "_" else re.escape(char)
    compiled = [re.compile(one, re.DOTALL) for one in parts if one]
    anchored_begin, anchored_end = bool(parts[0]), bool(parts[-1])
    if len(parts) == 1:
        whole = re.compile(parts[0], re.DOTALL)
        return lambda text: whole.fullmatch(text) is not None
    last = re.compile(f"(?:{parts[-1]})\\Z", re.DOTALL) if anchored_end else None
    middle = compiled[1 if anchored_begin else 0 : len(compiled) - (1 if anchored_end else 0)]

    def matches(text: str) -> bool:
        position = 0
        if anchored_begin:
            begin = compiled[0].match(text)
            if begin is None:
                return False
            position = begin.end()
        for one in middle:
            found = one.search(text, position)
            if found is None:
                return False
            position = found.end()
        return last is None or last.search(text, position) is not None

    return matches
