from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.server.realtime.filters.values import PostgresError, Value, cast, cast_array

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "type_", "expected"),
    [
        (" +42 ", "int8", 42),
        ("-9223372036854775808", "int8", -(2**63)),
        ("0000000000000000000000000000000000042", "int8", 42),
        ("YES", "bool", True),
        (" f ", "bool", False),
        ("of", "bool", False),
        ("{A0EEBC99-9C0B4EF8-BB6D6BB9-BD380A11}", "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        (" x ", "text", " x "),
        ("1970-01-01", "timestamptz", 0),
        ("1970-01-01 00:00:00.0000015+00", "timestamptz", 2),
        ("1970-01-01T09:00:00+09:00", "timestamptz", 0),
        ("1969-12-31 24:00:00Z", "timestamptz", 0),
        ("epoch", "timestamptz", 0),
    ],
)
def test_values_are_read_for_their_type(text: str, type_: str, expected: Value) -> None:
    assert cast(text, type_) == expected


@pytest.mark.parametrize(
    ("text", "type_", "message"),
    [
        ("hey", "int8", 'ERROR 22P02 (invalid_text_representation) invalid input syntax for type bigint: "hey"'),  # noqa: E501 # the message
        ("", "int8", 'invalid input syntax for type bigint: ""'),
        ("1.5", "int8", 'invalid input syntax for type bigint: "1.5"'),
        ("١", "int8", 'invalid input syntax for type bigint: "١"'),
        ("9223372036854775808", "int8", 'ERROR 22003 (numeric_value_out_of_range) value "9223372036854775808" is out of range for type bigint'),  # noqa: E501 # the message
        ("9" * 5000, "int8", "is out of range for type bigint"),
        ("o", "bool", 'invalid input syntax for type boolean: "o"'),
        ("x", "uuid", 'invalid input syntax for type uuid: "x"'),
        ("soon", "timestamptz", 'ERROR 22007 (invalid_datetime_format) invalid input syntax for type timestamp with time zone: "soon"'),  # noqa: E501 # the message
        ("2026-13-01", "timestamptz", 'date/time field value out of range: "2026-13-01"\n\n    hint:'),  # noqa: E501 # the message
        ("2026-02-30", "timestamptz", "ERROR 22008 (datetime_field_overflow)"),
        ("2026-02-01 25:00", "timestamptz", "ERROR 22008 (datetime_field_overflow)"),
        ("a\0b", "text", "ERROR 22021 (character_not_in_repertoire)"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_postgresqls_error(text: str, type_: str, message: str) -> None:
    with pytest.raises(PostgresError) as refused:
        cast(text, type_)

    assert message in str(refused.value)


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.integers(-15 * 60, 15 * 60),
)
def test_a_moment_is_the_same_in_every_zone(moment: datetime, offset_minutes: int) -> None:
    try:
        there = moment.astimezone(timezone(timedelta(minutes=offset_minutes)))
    except OverflowError:
        return
    text = there.isoformat().rjust(len("0001-01-01T00:00:00+00:00"), "0")

    assert cast(text, "timestamptz") == (moment - EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", ()),
        ("{ }", ()),
        ("{a, b ,null}", ("a", "b", None)),
        ('{"a,b","null"}', ("a,b", "null")),
        (r'{a\,b\ ,"\"\\"}', ("a,b ", '"\\')),
    ],
)
def test_arrays_are_read(text: str, expected: tuple[str | None, ...]) -> None:
    assert cast_array(text, "text") == expected


@pytest.mark.parametrize(
    "text", ["{a", "{a,}", "{,a}", '{"a"b}', '{a"b"}', "{a}b}", "{{a}}", "{a\\}"]
)
def test_malformed_arrays_are_refused(text: str) -> None:
    with pytest.raises(PostgresError, match="malformed array literal"):
        cast_array(text, "text")


@given(st.lists(st.none() | st.text(st.characters(exclude_characters="\0"))))
def test_any_elements_survive_in_double_quotes(elements: list[str | None]) -> None:
    words = [
        "NULL" if one is None else '"' + one.replace("\\", "\\\\").replace('"', '\\"') + '"'
        for one in elements
    ]

    assert cast_array("{" + ",".join(words) + "}", "text") == tuple(elements)
