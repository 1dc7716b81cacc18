from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.server.realtime.filters.syntax import OPERATORS, Condition, parse_filter


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  ", []),
        ("id=eq.5", [("id", "eq", "5", False)]),
        (" id=eq.5 , id=gt.0 ", [("id", "eq", "5", False), ("id", "gt", "0", False)]),
        ("a=not.like.hel%", [("a", "like", "hel%", True)]),
        ("a=in.(1,2),b=eq.x", [("a", "in", "{1,2}", False), ("b", "eq", "x", False)]),
        ('a=in.("x,y",z)', [("a", "in", '{"x,y",z}', False)]),
        ('a=eq."x,y",b=gt.0', [("a", "eq", "x,y", False), ("b", "gt", "0", False)]),
        ('a=eq."x.y:z(w)"', [("a", "eq", "x.y:z(w)", False)]),
        (r'a=eq."say \"hi\""', [("a", "eq", 'say "hi"', False)]),
        (r'a=eq."C:\\t\n"', [("a", "eq", r"C:\tn", False)]),
        ('a=eq.""', [("a", "eq", "", False)]),
        ('a=eq." x "', [("a", "eq", " x ", False)]),
        ('a=eq."open', [("a", "eq", '"open', False)]),
        ('a=eq."ab"cd', [("a", "eq", '"ab"cd', False)]),
        ('a=eq.5" tall,b=gt.0', [("a", "eq", '5" tall', False), ("b", "gt", "0", False)]),
        ("a=eq.x),b=eq.y)", [("a", "eq", "x)", False), ("b", "eq", "y)", False)]),
        ("a=eq.b=eq.c", [("a", "eq", "b=eq.c", False)]),
        ("a =eq.1", [("a ", "eq", "1", False)]),
    ],
)
def test_filters_are_read(text: str, expected: list[tuple[str, str, str, bool]]) -> None:
    assert parse_filter(text) == tuple(Condition(*one) for one in expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("undefined", '["undefined"]'),
        ("a=b", '["b"]'),
        ("a=foo.hey", '["foo", "hey"]'),
        ("a=not.not.eq.1", '["not", "eq.1"]'),
        ("a=in.1", "`in` filter value must be wrapped by parentheses"),
        ("a=eq.1,", "filter must not contain empty segments (check for extra commas)"),
        (",a=eq.1", "filter must not contain empty segments (check for extra commas)"),
    ],
)
def test_what_is_no_filter_says_why(text: str, reason: str) -> None:
    assert parse_filter(text) == reason


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["id", "body"]),
            st.sampled_from([one for one in OPERATORS if one != "in"]),
            st.text(),
            st.booleans(),
        ),
        max_size=4,
    )
)
def test_any_value_survives_in_double_quotes(wanted: list[tuple[str, str, str, bool]]) -> None:
    text = ",".join(
        f"{column}={'not.' if negated else ''}{operator}.{quoted(value)}"
        for column, operator, value, negated in wanted
    )

    assert parse_filter(text) == tuple(Condition(*one) for one in wanted)


@given(st.text(alphabet='a=.,()"\\ inoteq', max_size=40))
def test_nothing_breaks_the_reader(text: str) -> None:
    assert isinstance(parse_filter(text), str | tuple)


def quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
