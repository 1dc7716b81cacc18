from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.server.access import Access
from harness.server.rest.columns import TYPES
from harness.server.rest.query import Condition, Operator, Order, Query
from harness.server.rest.selecting import Found, find, holds, narrowed, ordered
from harness.server.storage.model import Selection
from harness.wire.changes import MessageRow
from tests.harness.server.builders import MEMBER, MESSAGE, USER

ANON = Access("anon")
SERVICE = Access("service_role")
ONE_ROOM = Access("authenticated", (("2", "attendee"),))
TWO_ROOMS = Access("authenticated", (("1", "attendee"), ("2", "moderator")))
NOBODY = Access("authenticated")
ODD = Access("authenticated", (("02", "attendee"),))
ACCESSES = (ANON, SERVICE, MEMBER, ONE_ROOM, TWO_ROOMS, NOBODY, ODD)


class Rows:
    """A storage of given rows that only reads."""

    def __init__(self, rows: list[MessageRow]) -> None:
        self.rows = rows
        self.asked: list[Selection] = []

    async def select(self, selection: Selection) -> list[MessageRow]:
        self.asked.append(selection)
        chosen = [row for row in self.rows if selected(selection, row)]
        chosen.sort(key=lambda row: row.id, reverse=selection.newest_first)
        return chosen[: selection.limit]


def selected(selection: Selection, row: MessageRow) -> bool:
    return (
        selection.webinar_id in (None, row.webinar_id)
        and (selection.after_id is None or row.id > selection.after_id)
        and (selection.before_id is None or row.id < selection.before_id)
        and (selection.ids is None or row.id in selection.ids)
    )


def found(rows: list[MessageRow], query: Query, access: Access, **options: bool) -> Found:
    storage = Rows(rows)
    return asyncio.run(find(storage, query, access, most_rows=1000, **options))


rows_of_a_table = st.lists(
    st.builds(
        MessageRow,
        id=st.integers(1, 12),
        webinar_id=st.integers(1, 3),
        user_id=st.just(USER),
        client_msg_id=st.just(MESSAGE),
        body=st.sampled_from("abc"),
        created_at=st.integers(10, 19).map("2026-11-23T10:00:{}.5+00:00".format),
        hidden=st.booleans(),
    ),
    unique_by=lambda row: row.id,
    max_size=12,
)
OPERATORS: list[Operator] = ["eq", "neq", "gt", "gte", "lt", "lte", "in"]
conditions = st.one_of(
    st.builds(
        Condition,
        st.sampled_from(["id", "webinar_id"]),
        st.sampled_from(OPERATORS),
        st.tuples(st.integers(-1, 13) | st.sampled_from([-(2**63), 2**63 - 1])),
        st.booleans(),
    ),
    st.builds(
        Condition, st.just("body"), st.sampled_from(OPERATORS), st.tuples(st.sampled_from("abc"))
    ),
    st.builds(
        Condition,
        st.just("id"),
        st.just("in"),
        st.lists(st.integers(1, 12), max_size=4).map(tuple),
    ),
    st.builds(Condition, st.just("hidden"), st.just("is"), st.tuples(st.booleans())),
)
queries = st.builds(
    Query,
    conditions=st.lists(conditions, max_size=3).map(tuple),
    orders=st.lists(st.builds(Order, st.sampled_from(list(TYPES)), st.booleans()), max_size=2).map(
        tuple
    ),
    limit=st.none() | st.integers(0, 5),
    offset=st.integers(0, 5),
)
accesses = st.sampled_from(ACCESSES)


@given(rows_of_a_table, queries, accesses)
def test_a_query_finds_what_filtering_and_sorting_the_whole_table_would(
    rows: list[MessageRow], query: Query, access: Access
) -> None:
    by_id = sorted(rows, key=lambda row: row.id)
    passing = ordered([row for row in by_id if holds(query, access, row)], query.orders)
    end = None if query.limit is None else query.offset + query.limit

    assert found(rows, query, access, count=True) == Found(
        passing[query.offset : end], len(passing)
    )
    assert found(rows, query, access).rows == passing[query.offset : end]


@given(rows_of_a_table, queries, accesses)
def test_narrowing_leaves_no_row_of_the_query_out(
    rows: list[MessageRow], query: Query, access: Access
) -> None:
    narrow = narrowed(query, access)

    for row in rows:
        if holds(query, access, row):
            assert selected(narrow, row)


@given(rows_of_a_table, queries, accesses)
def test_nobody_finds_a_row_that_they_may_not_read(
    rows: list[MessageRow], query: Query, access: Access
) -> None:
    for row in found(rows, query, access).rows:
        assert access.may_read(row.webinar_id)


def test_a_poll_reads_no_more_than_it_answers() -> None:
    storage = Rows([])
    query = Query(
        conditions=(Condition("webinar_id", "eq", (2,)), Condition("id", "gt", (100,))), limit=50
    )
    asyncio.run(find(storage, query, MEMBER, most_rows=1000))

    assert storage.asked == [Selection(limit=50, webinar_id=2, after_id=100)]


@pytest.mark.parametrize(
    ("access", "query"),
    [
        (ANON, Query()),
        (ANON, Query(orders=(Order("body", descending=False),))),
        (NOBODY, Query()),
        (ONE_ROOM, Query(conditions=(Condition("webinar_id", "eq", (3,)),))),
        (TWO_ROOMS, Query(conditions=(Condition("webinar_id", "eq", (3,)),))),
    ],
)
@pytest.mark.parametrize("count", [False, True])
def test_no_row_is_read_for_who_may_read_none_of_the_query(
    access: Access, query: Query, count: bool
) -> None:
    storage = Rows([MessageRow(1, 3, USER, MESSAGE, "a", "2026-11-23T10:00:00+00:00")])
    answer = asyncio.run(find(storage, query, access, most_rows=1000, count=count))

    assert answer == Found([], 0 if count else None)
    assert storage.asked == []


def test_who_is_in_one_room_has_no_other_rooms_rows_read() -> None:
    storage = Rows([])
    asyncio.run(find(storage, Query(), ONE_ROOM, most_rows=1000))

    assert [one.webinar_id for one in storage.asked] == [2]


@given(rows_of_a_table, queries, accesses)
def test_without_a_most_every_row_of_a_query_is_found(
    rows: list[MessageRow], query: Query, access: Access
) -> None:
    answer = asyncio.run(find(Rows(rows), query, access, most_rows=None))

    assert answer == found(rows, query, access)


def test_equal_rows_stay_in_the_order_of_ids() -> None:
    rows = [MessageRow(n, 1, USER, MESSAGE, "same", "2026-11-23T10:00:00+00:00") for n in (1, 2, 3)]

    assert ordered(rows, (Order("body", descending=True),)) == rows
