"""PostgREST's query language, as far as it is served: a pure parser.

Served are ``select`` (columns, aliases, ``*``), filters (``eq``, ``neq``, ``gt``, ``gte``, ``lt``,
``lte``, ``in``, ``is``, each after ``not.``), ``order``, ``limit`` and ``offset``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from harness.server.rest.columns import TYPES, Value, checked, value_of
from harness.server.rest.errors import RestError, bad_value, not_served, unparsable

Operator = Literal["eq", "neq", "gt", "gte", "lt", "lte", "in", "is"]


@dataclass(frozen=True)
class Condition:
    """One filter. Several hold together."""

    column: str
    operator: Operator
    values: tuple[Value | None, ...]
    """One value but for ``in``; ``None`` is SQL's null, which only ``is`` asks for."""
    negated: bool = False


@dataclass(frozen=True)
class Order:
    """One column to sort by."""

    column: str
    descending: bool = False


@dataclass(frozen=True)
class Field:
    """One key of every answered row."""

    name: str
    column: str


ALL_FIELDS = tuple(Field(name, name) for name in TYPES)


@dataclass(frozen=True)
class Query:
    """What a request asks for, whatever its method."""

    fields: tuple[Field, ...] = ALL_FIELDS
    conditions: tuple[Condition, ...] = ()
    orders: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


_OPERATORS = frozenset(get_args(Operator))
_UNSERVED = frozenset(
    {
        *("like", "ilike", "match", "imatch", "isdistinct"),
        *("cs", "cd", "ov", "sl", "sr", "nxr", "nxl", "adj"),
        *("fts", "plfts", "phfts", "wfts"),
    }
)
_LOGIC = frozenset({"and", "or", "not.and", "not.or"})
_IGNORED = frozenset({"apikey", "columns", "on_conflict"})
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_FIELD = re.compile(r"(?:(?P<alias>[^:(),.]+):)?(?P<column>\*|[A-Za-z_][A-Za-z0-9_]*)")
_LISTED = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,"]*)')
_IS = {"null": None, "unknown": None, "true": True, "false": False}


def parse_query(parameters: Iterable[tuple[str, str]]) -> Query:
    """Read the decoded parameters of a URL. Raises :class:`RestError`."""
    conditions: list[Condition] = []
    fields, orders, limit, offset = ALL_FIELDS, tuple[Order, ...](), None, 0
    for name, text in parameters:
        if name in _IGNORED:
            continue
        if name in _LOGIC:
            raise not_served("logic trees (and, or)")
        if name == "select":
            fields = _fields(text)
        elif name == "order":
            orders = tuple(_order(one) for one in text.split(",")) if text else ()
        elif name == "limit":
            limit = _number(text, limit)
        elif name == "offset":
            offset = max(0, _number(text, offset) or 0)
        else:
            conditions.append(_condition(name, text))
    if limit is not None and limit < 0:
        raise RestError(
            416,
            "PGRST103",
            "Requested range not satisfiable",
            "Limit should be greater than or equal to zero.",
        )
    return Query(fields, tuple(conditions), orders, limit, offset)


def _number(text: str, default: int | None) -> int | None:
    """PostgREST goes on without a number that is none."""
    return int(text) if _NUMBER.fullmatch(text) else default


def _fields(text: str) -> tuple[Field, ...]:
    fields: list[Field] = []
    for one in text.split(",") if text.strip() else ["*"]:
        if "(" in text or "::" in one or "->" in one:
            raise not_served("embedding, functions, casts and JSON paths in select")
        found = _FIELD.fullmatch(one.strip())
        if found is None:
            raise unparsable("select parameter", text, f'unexpected "{one[:1]}"')
        alias, column = found.group("alias"), found.group("column")
        if column == "*":
            fields += ALL_FIELDS
        else:
            fields.append(Field(alias or column, checked(column)))
    return tuple(fields)


def _order(text: str) -> Order:
    column, *modifiers = text.strip().split(".")
    if not _NAME.fullmatch(column):
        raise unparsable("order", text, f'unexpected "{column[:1]}" expecting field name')
    direction, nulls = "asc", modifiers
    if modifiers and modifiers[0] in ("asc", "desc"):
        direction, *nulls = modifiers
    # No column of the table is ever null, so that their place does not matter.
    if nulls not in ([], ["nullsfirst"], ["nullslast"]):
        raise unparsable("order", text, 'expecting "," or end of input')
    return Order(checked(column), direction == "desc")


def _condition(name: str, text: str) -> Condition:
    if not _NAME.fullmatch(name):
        raise unparsable("filter", name, "unexpected field name")
    negated = text.startswith("not.")
    word, dot, operand = text.removeprefix("not.").partition(".")
    if word.partition("(")[0] in _UNSERVED or word.endswith(("(any)", "(all)")):
        raise not_served(f"the operator {word}")
    if not dot or word not in _OPERATORS:
        details = f'unexpected "{text[:1]}" expecting "not" or operator (eq, gt, ...)'
        raise unparsable("filter", text, details)
    column = checked(name)
    operator: Operator = word  # type: ignore[assignment]  # is one: looked up just above
    return Condition(column, operator, _operands(column, operator, operand), negated)


def _operands(column: str, operator: Operator, text: str) -> tuple[Value | None, ...]:
    if operator == "is":
        if text.lower() == "not_null":
            raise not_served("is.not_null; not.is.null says the same")
        if text.lower() not in _IS:
            raise unparsable("filter", f"is.{text}", "expecting null, true, false or unknown")
        if TYPES[column] != "bool" and text.lower() != "null":
            raise bad_value("boolean", text)
        return (_IS[text.lower()],)
    if operator != "in":
        return (value_of(column, text),)
    if not (text.startswith("(") and text.endswith(")")):
        raise unparsable("filter", f"in.{text}", 'expecting "("')
    return tuple(value_of(column, one) for one in _listed(text[1:-1]))


def _listed(text: str) -> list[str]:
    """The items of ``a,"b,c"``; none of an empty text."""
    items: list[str] = []
    position = 0
    while text:
        found = _LISTED.match(text, position)
        assert found is not None  # the second form matches even nothing
        quoted, plain = found.groups()
        items.append(plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
        position = found.end()
        if position == len(text):
            break
        if text[position] != ",":
            raise unparsable("filter", f"in.({text})", 'expecting "," or ")"')
        position += 1
    return items
