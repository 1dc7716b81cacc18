"""One ``postgres_changes`` binding of a join: understood, and checked against the table. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from harness.server.realtime.filters.elixir_text import inspected, pretty
from harness.server.realtime.filters.row_filter import RowFilter, compile_filter, like
from harness.server.realtime.filters.syntax import Condition, parse_filter
from harness.server.realtime.filters.values import PostgresError, raised
from harness.server.storage.model import Op
from harness.wire.changes import MESSAGE_COLUMNS, MessageRow

_COLUMNS = frozenset(column.name for column in MESSAGE_COLUMNS)
_NO_TABLE = (
    "No subscription params provided."
    " Please provide at least a `schema` or `table` to subscribe to: "
)
_MAX_NAME_CHARS = 63
"""PostgreSQL's; a pattern for names has no use for more either."""
UNABLE = "Unable to subscribe to changes with given parameters. "


@dataclass(frozen=True)
class Binding:
    """A binding that the server can serve."""

    id: int
    """Not zero; the same for the same binding on every connection."""
    event: str
    """``INSERT``, ``UPDATE``, ``DELETE`` or ``*``."""
    filter: RowFilter
    select: tuple[str, ...] | None = None
    """The columns to send beside the key, sorted; ``None`` for all."""

    @property
    def webinar_id(self) -> int | None:
        """The one room whose rows can pass; ``None``: rows of any."""
        return self.filter.room

    def matches(self, op: Op, row: MessageRow, *, key_only: bool) -> bool:
        """Whether a change passes. ``row`` is the old one for a DELETE, else the new one;
        ``key_only`` says that filters see nothing of it but its primary key."""
        return self.event in ("*", op) and self.filter.passes(row, key_only=key_only)


@dataclass(frozen=True)
class Wanted:
    """A binding as understood; whether there are such tables and columns comes later."""

    id: int
    event: str
    schema: str
    table: str
    conditions: tuple[Condition, ...]
    select: tuple[str, ...] | None


def binding_id(asked: Mapping[str, Any]) -> int:
    """A 27-bit number that follows from the binding alone, as the genuine server's does."""
    canonical = msgspec.json.encode(asked, order="deterministic")
    # Clients take an id of 0 for "absent".
    return zlib.crc32(canonical) & 0x7FF_FFFF or 1


def parse_binding(asked: Mapping[str, Any]) -> Wanted | str:
    """Understand a binding, or say why that is not possible."""
    select = asked.get("select")
    if isinstance(select, str):
        return (
            "Error parsing `select` params: expected a list of column name strings,"
            ' e.g. select: ["col1", "col2"]'
        )
    columns = (
        tuple(one for one in select if isinstance(one, str)) if isinstance(select, list) else ()
    )
    place = _place(asked)
    if place is None:
        secret = "user_token" in asked or "auth_token" in asked
        return _NO_TABLE + ("<redacted>" if secret else inspected(asked))
    conditions = parse_filter(asked.get("filter", ""))
    if isinstance(conditions, str):
        return f"Error parsing `filter` params: {conditions}"
    if columns and "*" in place:
        return (
            "Column selection is not supported for wildcard subscriptions."
            " Provide an explicit schema and table name."
        )
    return Wanted(
        binding_id(asked), _event(asked.get("event")), *place, conditions, columns or None
    )


def serve(wanted: Wanted) -> Binding | str:
    """Check a binding against the messages table, which alone is published; or say what is
    wrong with it."""
    if not (_names(wanted.schema, "public") and _names(wanted.table, "messages")):
        return f"{UNABLE}Please check Realtime is enabled for the given connect{_given(wanted)}"
    try:
        row_filter = compile_filter(wanted.conditions)
        for column in wanted.select or ():
            if column not in _COLUMNS:
                raise raised(f"invalid column for select {column}")
    except PostgresError as error:
        happened = "An exception happened so please check your connect"
        return f"{UNABLE}{happened}{_given(wanted)}. Exception: {error}"
    select = None if wanted.select is None else tuple(sorted(set(wanted.select)))
    return Binding(wanted.id, wanted.event, row_filter, select)


def _place(asked: Mapping[str, Any]) -> tuple[str, str] | None:
    """Schema and table; a filter needs both to be named."""
    schema, table = asked.get("schema"), asked.get("table")
    known = {name for name in ("schema", "table", "filter") if name in asked}
    if not all(isinstance(asked[name], str) for name in known):
        return None
    if "filter" in known and not (schema is not None and table is not None):
        return None
    if schema is None and table is None:
        return None
    return ("public" if schema is None else schema, "*" if table is None else table)


def _event(event: Any) -> str:
    """What is no event asks for all."""
    known = event.upper() if isinstance(event, str) else "*"
    return known if known in ("INSERT", "UPDATE", "DELETE") else "*"


def _names(pattern: str, name: str) -> bool:
    if len(pattern) > _MAX_NAME_CHARS:
        return False
    return pattern == "*" or like(pattern, escape="")(name)


def _given(wanted: Wanted) -> str:
    filters = [(one.column, one.operator, one.value, one.negated) for one in wanted.conditions]
    select = None if wanted.select is None else list(wanted.select)
    return (
        f" parameters: [event: {wanted.event}, schema: {wanted.schema}, table: {wanted.table},"
        f" filters: {pretty(filters)}, select: {pretty(select)}]"
    )
