"""Which rows a query means, of those that its asker may read. Pure but for the storage's pages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from operator import eq, ge, gt, le, lt, ne
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from harness.server.access import Access
from harness.server.rest.columns import value_in
from harness.server.rest.errors import not_served
from harness.server.rest.query import Condition, Order, Query
from harness.server.storage.model import Selection
from harness.wire.changes import MessageRow

_PAGE_ROWS = 1_000
_MAX_SORTED_ROWS = 100_000
"""More than this is never kept to sort it by another column than the id."""
_EVERY_ROW = 2**63 - 1
_WEBINAR = re.compile(r"[1-9][0-9]{0,17}")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {"eq": eq, "neq": ne, "gt": gt, "gte": ge, "lt": lt, "lte": le, "is": eq, "in": eq}
)


class Selectable(Protocol):
    """What of a storage is needed here."""

    async def select(self, selection: Selection) -> list[MessageRow]:
        """The rows of a selection."""
        ...


@dataclass(frozen=True)
class Found:
    """The answer of a query."""

    rows: list[MessageRow]
    total: int | None
    """How many rows there are without limit and offset, where that was asked for."""


async def find(
    storage: Selectable,
    query: Query,
    access: Access,
    *,
    most_rows: int | None,
    count: bool = False,
) -> Found:
    """The rows of ``query`` that ``access`` may read, in its order, ``most_rows`` at most.

    Without both ``most_rows`` and a limit of the query all of them are kept in memory.
    """
    selection = narrowed(query, access)
    if not _may_read_any(access, selection.webinar_id):
        return Found([], 0 if count else None)
    limits = [one for one in (query.limit, most_rows) if one is not None]
    wanted = query.offset + min(limits, default=_EVERY_ROW)
    if limits and not by_id(query) and wanted > _MAX_SORTED_ROWS:
        raise not_served(f"an order by another column than id beyond row {_MAX_SORTED_ROWS}")
    kept: list[MessageRow] = []
    total = 0
    first_page_rows = min(max(1, wanted), _PAGE_ROWS) if by_id(query) else _PAGE_ROWS
    async for page in _pages(storage, selection, first_page_rows):
        passing = [row for row in page if holds(query, access, row)]
        if by_id(query):
            kept += passing[max(0, query.offset - total) : max(0, wanted - total)]
        else:
            kept = ordered(kept + passing, query.orders)[:wanted]
        total += len(passing)
        if by_id(query) and total >= wanted and not count:
            break
    rows = kept if by_id(query) else kept[query.offset :]
    return Found(rows, total if count else None)


async def without_first(storage: Selectable, query: Query, access: Access) -> Query:
    """``query`` without that one of its rows, on whichever page, that has the least id."""
    first = replace(query, orders=(), limit=1, offset=0)
    rows = (await find(storage, first, access, most_rows=1)).rows
    left_out = tuple(Condition("id", "neq", (row.id,)) for row in rows)
    return replace(query, conditions=(*query.conditions, *left_out))


def _may_read_any(access: Access, webinar_id: int | None) -> bool:
    """Whether ``access`` may read the rows of a webinar, or of any where that is ``None``."""
    if webinar_id is not None:
        return access.may_read(webinar_id)
    if access.database_role == "service_role":
        return True
    return access.database_role == "authenticated" and bool(access.memberships)


def by_id(query: Query) -> bool:
    """Whether the storage's own order is the query's; ids are unique, so what follows is moot."""
    return not query.orders or query.orders[0].column == "id"


def holds(query: Query, access: Access, row: MessageRow) -> bool:
    """Whether a row is one that the query means and its asker may read."""
    return access.may_read(row.webinar_id) and all(_meets(one, row) for one in query.conditions)


def _meets(condition: Condition, row: MessageRow) -> bool:
    value = value_in(row, condition.column)
    compare = _COMPARE[condition.operator]
    return any(compare(value, one) for one in condition.values) != condition.negated


def ordered(rows: list[MessageRow], orders: tuple[Order, ...]) -> list[MessageRow]:
    """Sorted by the first column, those that are equal there by the next, and so on."""
    for order in reversed(orders):
        key = partial(value_in, column=order.column)
        rows = sorted(rows, key=key, reverse=order.descending)
    return rows


def narrowed(query: Query, access: Access) -> Selection:
    """A selection of all rows of the query, and of few others: of each bound the last counts."""
    found = Selection(
        limit=_PAGE_ROWS,
        webinar_id=_only_webinar(access),
        newest_first=by_id(query) and bool(query.orders) and query.orders[0].descending,
    )
    for condition in query.conditions:
        if not condition.negated and condition.column in ("id", "webinar_id"):
            found = _narrowed_by(found, condition)
    return found


def _narrowed_by(found: Selection, condition: Condition) -> Selection:
    numbers = tuple(one for one in condition.values if isinstance(one, int))
    change = msgspec.structs.replace
    match condition.column, condition.operator:
        case "webinar_id", "eq":
            return change(found, webinar_id=numbers[0])
        case "id", "eq" | "in":
            return change(found, ids=numbers)
        case "id", "gt":
            return change(found, after_id=numbers[0])
        case "id", "lt":
            return change(found, before_id=numbers[0])
    return found


def _only_webinar(access: Access) -> int | None:
    if access.database_role != "authenticated" or len(access.memberships) != 1:
        return None
    webinar = access.memberships[0][0]
    return int(webinar) if _WEBINAR.fullmatch(webinar) else None


async def _pages(
    storage: Selectable, selection: Selection, first_page_rows: int
) -> AsyncIterator[list[MessageRow]]:
    """All rows of a selection, bit by bit, so that none of them has to be long in memory."""
    change = msgspec.structs.replace
    selection = change(selection, limit=first_page_rows)
    while page := await storage.select(selection):
        yield page
        if len(page) < selection.limit:
            return
        last = page[-1].id
        after = selection.after_id if selection.newest_first else last
        before = last if selection.newest_first else selection.before_id
        selection = change(selection, limit=_PAGE_ROWS, after_id=after, before_id=before)
