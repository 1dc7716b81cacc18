from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from harness.server.rest.errors import RestError
from harness.server.rest.prefer import Wish, content_range, wish_of, within_range
from harness.server.rest.query import Query


def preferring(prefer: str, method: str = "GET") -> Wish:
    return wish_of(Headers({"prefer": prefer}), method)


def accepting(accept: str) -> Wish:
    return wish_of(Headers({"accept": accept}), "GET")


def test_preferences_come_in_one_header_or_several() -> None:
    one = Headers({"prefer": "return=representation, count=exact"})
    several = Headers(raw=[(b"prefer", b"return=representation"), (b"prefer", b"count=exact")])

    applied = "return=representation, count=exact"
    wish = Wish(representation=True, count=True, applied=applied)
    assert wish_of(one, "PATCH") == wish_of(several, "PATCH") == wish


def test_unknown_preferences_are_passed_over() -> None:
    assert preferring("missing=default, tx=commit, anything=1") == Wish()


def test_with_strict_handling_unknown_preferences_are_refused_by_name() -> None:
    with pytest.raises(RestError) as caught:
        preferring("handling=strict, anything=1, count=exact, more")

    assert (caught.value.status, caught.value.body.code) == (400, "PGRST122")
    assert caught.value.body.details == "Invalid preferences: anything=1, more"


def test_of_a_preference_that_is_there_twice_the_first_holds() -> None:
    wish = preferring("count=exact, return=minimal, count=planned, return=representation", "PATCH")

    assert wish == Wish(count=True, applied="return=minimal, count=exact")


@pytest.mark.parametrize(
    ("prefer", "most"),
    [
        ("handling=strict, max-affected=3", 3),
        ("max-affected=3, handling=strict", 3),
        ("max-affected=3", None),
        ("handling=lenient, max-affected=3", None),
        ("handling=strict, max-affected=few", None),
    ],
)
def test_a_most_of_rows_binds_writes_that_are_handled_strictly(
    prefer: str, most: int | None
) -> None:
    wish = preferring(prefer, "DELETE")

    assert wish.max_affected == most
    assert ("max-affected" in wish.applied) == (most is not None)


@pytest.mark.parametrize("count", ["exact", "planned", "estimated"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_every_count_of_a_read_is_exact_and_a_planned_one_of_a_write_is_none(
    count: str, method: str
) -> None:
    wish = preferring(f"count={count}", method)

    assert wish.count == (method == "GET" or count != "planned")
    assert wish.applied == f"count={count}"


def test_what_a_method_does_not_have_is_not_said_to_be_applied() -> None:
    prefer = "return=representation, resolution=ignore-duplicates, handling=strict, max-affected=1"

    assert preferring(prefer, "GET").applied == "handling=strict"
    assert preferring(prefer, "POST").applied == (
        "resolution=ignore-duplicates, return=representation, handling=strict"
    )


def test_a_write_that_would_be_rolled_back_is_refused_and_not_done() -> None:
    with pytest.raises(RestError) as caught:
        preferring("tx=rollback", "DELETE")

    assert caught.value.body.code == "PGRST127"


def test_an_upsert_is_refused_and_not_taken_for_an_insert() -> None:
    with pytest.raises(RestError) as caught:
        preferring("resolution=merge-duplicates,return=representation", "POST")

    assert (caught.value.status, caught.value.body.code) == (400, "PGRST127")


def test_one_object_is_asked_for_by_its_media_type() -> None:
    assert accepting("application/vnd.pgrst.object+json").singular
    assert not accepting("application/json, */*;q=0.1").singular


def test_an_empty_list_of_media_types_accepts_all() -> None:
    assert accepting("") == Wish()


def test_a_media_type_that_is_not_served_is_refused() -> None:
    with pytest.raises(RestError) as caught:
        accepting("text/csv")

    assert (caught.value.status, caught.value.body.code) == (406, "PGRST107")


@pytest.mark.parametrize(
    ("query", "header", "offset", "limit"),
    [
        (Query(), None, 0, None),
        (Query(), "0-9", 0, 10),
        (Query(), "5-", 5, None),
        (Query(limit=3), "5-9", 5, 0),
        (Query(limit=8), "5-9", 5, 3),
        (Query(offset=7), "5-9", 7, 3),
        (Query(limit=3), "nonsense", 0, 3),
        (Query(limit=3), "bytes=0-9", 0, 3),
    ],
)
def test_a_range_and_a_limit_both_hold(
    query: Query, header: str | None, offset: int, limit: int | None
) -> None:
    within = within_range(query, header)

    assert (within.offset, within.limit) == (offset, limit)


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(RestError) as caught:
        within_range(Query(), "9-5")

    assert (caught.value.status, caught.value.body.code) == (416, "PGRST103")


@given(
    st.builds(Query, limit=st.none() | st.integers(0, 50), offset=st.integers(0, 50)),
    st.integers(0, 50),
    st.none() | st.integers(0, 50),
)
def test_a_range_never_widens_a_query(query: Query, first: int, more: int | None) -> None:
    last = "" if more is None else str(first + more)
    within = within_range(query, f"{first}-{last}")

    asked = set(range(query.offset, 200 if query.limit is None else query.offset + query.limit))
    ranged = set(range(first, 200 if more is None else first + more + 1))
    end = 200 if within.limit is None else within.offset + within.limit
    assert set(range(within.offset, end)) == asked & ranged


@pytest.mark.parametrize(
    ("offset", "rows", "total", "text"),
    [(0, 25, None, "0-24/*"), (5, 2, 7, "5-6/7"), (0, 0, 0, "*/0"), (9, 0, 7, "*/7")],
)
def test_a_content_range_is_written(offset: int, rows: int, total: int | None, text: str) -> None:
    assert content_range(offset, rows, total) == text
