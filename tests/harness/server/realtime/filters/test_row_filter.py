from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.server.realtime.filters.row_filter import RowFilter, compile_filter, like
from harness.server.realtime.filters.syntax import Condition, parse_filter
from harness.server.realtime.filters.values import PostgresError
from harness.wire.changes import MessageRow
from tests.harness.server.builders import MESSAGE, USER, row
from tests.harness.server.realtime import plain_filters


def compiled(text: str) -> RowFilter:
    conditions = parse_filter(text)
    assert not isinstance(conditions, str)
    return compile_filter(conditions)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("webinar_id=eq.42,id=gt.900", True),
        ("webinar_id=eq.42,id=gt.901", False),
        ("id=not.gt.901", True),
        ("id=in.(1,901)", True),
        ("id=in.(1,null)", False),
        ("id=not.in.(1,2)", True),
        ("id=not.in.(1,null)", False),
        ("id=in.()", False),
        ("id=is.null", False),
        ("id=not.is.null", True),
        ("hidden=is.false", True),
        ("hidden=not.is.true", True),
        ("hidden=is.unknown", False),
        ("hidden=lt.true", True),
        ("id=isdistinct.901", False),
        ("id=not.isdistinct.901", True),
        (f"user_id=eq.{USER.upper()}", True),
        (f"client_msg_id=in.({MESSAGE},{USER})", True),
        ("created_at=gt.2026-11-23T18:59:59+09:00", True),
        ("created_at=lt.2026-11-23", False),
        ("body=like.h_", True),
        ("body=ilike.%I", True),
        ("body=match.^h", True),
        ("body=imatch.^H.$", True),
        ("body=not.match.x", True),
        ('body=neq."hi"', False),
    ],
)
def test_a_row_passes_or_not(text: str, expected: bool) -> None:
    assert compiled(text).passes(row()) is expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("subject=eq.hey", "ERROR P0001 (raise_exception) invalid column for filter subject"),
        ("id=eq.hey", 'invalid input syntax for type bigint: "hey"'),
        ("id=in.(1,x)", 'invalid input syntax for type bigint: "x"'),
        ("id=isdistinct.null", 'invalid input syntax for type bigint: "null"'),
        ("id=is.true", "is true filter requires a boolean column, got bigint"),
        ("id=is.5", "invalid value for is filter: must be null, true, false, or unknown"),
        ("id=like.1%", "operator like requires a text-compatible column type, got bigint"),
        ("user_id=imatch.1", "operator imatch requires a text-compatible column type, got uuid"),
        (
            "body=match.(",
            "invalid regular expression for match filter:"
            " invalid regular expression: parentheses () not balanced",
        ),
        (
            f"id=in.({','.join(str(one) for one in range(101))})",
            "too many values for `in` filter. Maximum 100",
        ),
    ],
)
def test_what_the_table_cannot_answer_is_refused_in_the_genuine_words(
    text: str, message: str
) -> None:
    with pytest.raises(PostgresError) as refused:
        compiled(text)

    assert str(refused.value).endswith(message)


def test_a_hundred_values_are_let_in() -> None:
    assert compiled(f"id=in.({','.join(str(one) for one in range(900, 1000))})").passes(row())


def test_equal_filters_are_equal_and_hash_alike() -> None:
    one, other = compiled("body=match.^h,id=gt.0"), compiled("body=match.^h,id=gt.0")

    assert one == other
    assert hash(one) == hash(other)
    assert one != compiled("body=match.^h,id=not.gt.0")


TEXT = st.text(alphabet="ab%_ \\A", max_size=5)


def _condition(column: str) -> st.SearchStrategy[Condition]:
    operators = ["eq", "neq", "lt", "lte", "gt", "gte", "in", "isdistinct", "is"]
    value: st.SearchStrategy[str]
    if column in plain_filters.NUMBERS:
        value = st.integers(0, 4).map(str)
    else:
        operators += ["like", "ilike"]
        value = TEXT

    def of(operator: str) -> st.SearchStrategy[Condition]:
        values: Any = value
        if operator == "is":
            values = st.just("null")
        elif operator == "in":
            plain = value.filter(lambda one: one.strip() == one != "" and "\\" not in one)
            values = st.lists(plain, max_size=3).map(lambda ones: "{" + ",".join(ones) + "}")
        elif operator.endswith("like"):
            values = value.filter(lambda one: not one.replace("\\\\", "").endswith("\\"))
        return st.builds(Condition, st.just(column), st.just(operator), values, st.booleans())

    return st.sampled_from(operators).flatmap(of)


CONDITIONS = st.lists(st.sampled_from(["id", "webinar_id", "body"]).flatmap(_condition), max_size=3)
ROWS = st.builds(
    MessageRow, st.integers(0, 4), st.integers(0, 4), st.just(USER), st.just(MESSAGE), TEXT,
    st.just("2026-11-23T10:00:00+00:00"),
)  # fmt: skip


@given(CONDITIONS, ROWS, st.booleans())
def test_filters_answer_as_the_plain_ones_do(
    conditions: list[Condition], one: MessageRow, key_only: bool
) -> None:
    expected = plain_filters.passes(conditions, one, key_only=key_only)

    assert compile_filter(conditions).passes(one, key_only=key_only) is expected


@given(CONDITIONS, ROWS)
def test_what_passes_is_in_the_room_of_the_filter(
    conditions: list[Condition], one: MessageRow
) -> None:
    row_filter = compile_filter(conditions)

    if row_filter.room is not None:
        elsewhere = msgspec.structs.replace(one, webinar_id=row_filter.room + 1)
        assert not row_filter.passes(elsewhere)


@given(st.text(alphabet="ab%_", max_size=6), st.text(alphabet="ab\n", max_size=8))
def test_like_without_escapes_takes_backslashes_as_they_are(pattern: str, text: str) -> None:
    expected = plain_filters.like(pattern.replace("\\", "\\\\"), text)

    assert like(pattern, escape="")(text) is expected


def test_like_reads_a_long_text_once_for_each_part() -> None:
    assert not like("%a" * 50 + "%b")("a" * 50_000)
