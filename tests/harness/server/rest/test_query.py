from __future__ import annotations

from contextlib import suppress
from typing import get_args
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.server.rest.columns import TYPES
from harness.server.rest.errors import RestError
from harness.server.rest.query import (
    ALL_FIELDS,
    Condition,
    Field,
    Operator,
    Order,
    Query,
    parse_query,
)
from tests.harness.server.builders import USER


def parsed(query: str) -> Query:
    return parse_query(parse_qsl(query, keep_blank_values=True))


def code_of(query: str) -> tuple[int, str]:
    with pytest.raises(RestError) as caught:
        parsed(query)
    return caught.value.status, caught.value.body.code


def test_a_poll_is_read() -> None:
    assert parsed("select=*&webinar_id=eq.42&id=gt.100&order=id.asc&limit=50") == Query(
        conditions=(Condition("webinar_id", "eq", (42,)), Condition("id", "gt", (100,))),
        orders=(Order("id"),),
        limit=50,
    )


def test_nothing_asks_for_everything() -> None:
    assert parsed("") == parsed("select=") == parsed("select=*&apikey=x") == Query()


def test_columns_may_be_named_and_renamed() -> None:
    assert parsed("select=id,text:body").fields == (Field("id", "id"), Field("text", "body"))
    assert parsed("select=*,again:id").fields == (*ALL_FIELDS, Field("again", "id"))


@pytest.mark.parametrize("operator", sorted(set(get_args(Operator)) - {"in", "is"}))
def test_every_comparison_is_read_also_negated(operator: str) -> None:
    (plain,) = parsed(f"id=eq.1&id={operator}.7").conditions[1:]
    (negated,) = parsed(f"id=not.{operator}.7").conditions

    assert (plain.operator, plain.values, plain.negated) == (operator, (7,), False)
    assert (negated.operator, negated.values, negated.negated) == (operator, (7,), True)


@pytest.mark.parametrize(
    ("listed", "values"),
    [
        ("()", ()),
        ("(a)", ("a",)),
        ("(a,b)", ("a", "b")),
        ("(,)", ("", "")),
        ('("a,b",c)', ("a,b", "c")),
        (r'("say \"hi\"","\\")', ('say "hi"', "\\")),
        ('("(",x)', ("(", "x")),
    ],
)
def test_lists_may_be_quoted(listed: str, values: tuple[str, ...]) -> None:
    query = parse_query([("body", f"in.{listed}")])

    assert query.conditions == (Condition("body", "in", values),)


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_any_texts_survive_quoting(texts: list[str]) -> None:
    quoted = ",".join('"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"' for one in texts)
    (condition,) = parse_query([("body", f"in.({quoted})")]).conditions

    assert condition.values == tuple(texts)


@pytest.mark.parametrize(
    ("order", "orders"),
    [
        ("id", (Order("id"),)),
        ("id.desc", (Order("id", descending=True),)),
        ("created_at.desc.nullslast,id", (Order("created_at", descending=True), Order("id"))),
        ("body.nullsfirst", (Order("body"),)),
    ],
)
def test_an_order_is_read(order: str, orders: tuple[Order, ...]) -> None:
    assert parsed(f"order={order}").orders == orders


def test_a_number_that_is_none_is_passed_over() -> None:
    assert parsed("limit=x&offset=-3") == Query()
    assert parsed("limit=" + "9" * 5000) == Query()


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("id=5", 400, "PGRST100"),
        ("id=eq", 400, "PGRST100"),
        ("id=foo.5", 400, "PGRST100"),
        ("id=in.5", 400, "PGRST100"),
        ('body=in.("a"b)', 400, "PGRST100"),
        ('body=in.("a)', 400, "PGRST100"),
        ("hidden=is.maybe", 400, "PGRST100"),
        ("order=id.up", 400, "PGRST100"),
        ("order=.desc", 400, "PGRST100"),
        ("select=!", 400, "PGRST100"),
        ("we ird=eq.1", 400, "PGRST100"),
        ("nope=eq.1", 400, "42703"),
        ("order=nope", 400, "42703"),
        ("select=nope", 400, "42703"),
        ("id=eq.x", 400, "22P02"),
        ("id=eq.null", 400, "22P02"),
        ("id=eq.1.5", 400, "22P02"),
        ("id=eq.9223372036854775808", 400, "22003"),
        ("id=eq." + "9" * 5000, 400, "22P02"),
        ("user_id=eq.x", 400, "22P02"),
        ("hidden=eq.perhaps", 400, "22P02"),
        ("created_at=gt.soon", 400, "22007"),
        ("body=eq.%00", 400, "22021"),
        ("limit=-1", 416, "PGRST103"),
        ("or=(id.eq.1,id.eq.2)", 400, "PGRST127"),
        ("body=like.*x*", 400, "PGRST127"),
        ("id=eq(any).{1}", 400, "PGRST127"),
        ("select=id::text", 400, "PGRST127"),
        ("select=author(name)", 400, "PGRST127"),
    ],
)
def test_what_cannot_be_is_refused_with_its_code(query: str, status: int, code: str) -> None:
    assert code_of(query) == (status, code)


def test_a_uuid_is_read_however_it_is_written() -> None:
    (condition,) = parsed(f"user_id=eq.{USER.upper()}").conditions

    assert condition.values == (USER,)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["select", "order", "limit", "offset", "or", *TYPES]) | st.text(),
            st.text()
            | st.builds(
                "{}{}.{}".format,
                st.sampled_from(["", "not."]),
                st.sampled_from([*get_args(Operator), "like", "isdistinct"]),
                st.text() | st.integers().map(str) | st.text().map("({})".format),
            ),
        ),
        max_size=4,
    )
)
def test_anything_is_a_query_or_refused(parameters: list[tuple[str, str]]) -> None:
    with suppress(RestError):
        query = parse_query(parameters)
        assert query.limit is None or query.limit >= 0
        assert query.offset >= 0
