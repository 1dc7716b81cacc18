"""The filters against what PostgreSQL itself says for the same operator and values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product

import psycopg
import pytest

from harness.server.realtime.filters.row_filter import compile_filter
from harness.server.realtime.filters.syntax import Condition
from harness.server.realtime.filters.values import TYPE_NAMES, PostgresError, cast
from tests.support.postgres import Cluster, Missing, cluster
from tests.support.required import skip_or_fail

pytestmark = pytest.mark.e2e

SYMBOLS = {
    **{"eq": "=", "neq": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="},
    **{"like": "LIKE", "ilike": "ILIKE", "match": "~", "imatch": "~*"},
    "isdistinct": "IS DISTINCT FROM",
}
COLUMNS = {
    "int8": "id",
    "uuid": "user_id",
    "text": "body",
    "timestamptz": "created_at",
    "bool": "hidden",
}
UUIDS = ("11111111-1111-4111-8111-111111111111", "abcdef22-2222-4222-8222-222222222222")
ROWS = {
    "int8": ["-5", "0", "42", "9223372036854775807"],
    "uuid": [*UUIDS],
    "text": [
        "",
        "hello",
        "Hello\n",
        "a%b_c\\",
        "안녕",
        "É",
        'O\'Brien, "x"',
        "aaab",
        "NULL",
        "}]-",
    ],
    "timestamptz": ["2026-11-23T10:00:00.123456+00:00", "1969-12-31T23:59:59+00:00"],
    "bool": ["true", "false"],
}
VALUES = {
    "int8": [
        *("42", " -5\t", "+0", "", " ", "x", "1x", "1.0", "--1", "1 2", "0x10", "1_0"),
        *("9223372036854775807", "9223372036854775808", "99999999999999999999x", "null", "00042"),
    ],
    "uuid": [
        *(UUIDS[1].upper(), "{" + UUIDS[0] + "}", UUIDS[0].replace("-", ""), "{" + UUIDS[0]),
        *("1111-1111-1111-4111-8111-1111-1111-1111", "11-1", "", "null", UUIDS[0] + "0"),
        "1111111-11111-4111-8111-111111111111",
    ],
    "text": [*ROWS["text"], "null", " hello", "hello ", "%"],
    "timestamptz": [
        *("2026-11-23 10:00:00.123456+00", "2026-11-23T10:00:00.1234564Z", "2026-11-23", "epoch"),
        *("2026-11-23T19:00:00.123456+09:00", "2026-11-23T19:00:00.123456+0900", "infinity"),
        *("2026-11-23 04:30:00.123456-05:30", "1969-12-31 24:00:00", "2026-11-23 10:00"),
        *("2026-11-22 23:59:60", "2026-1-2", "2026-13-01", "2026-02-30", "2026-11-23 25:00", "x"),
        *("", "2026-11-23T10:00:00+16:30", "-infinity", " 2026-11-23 ", "2026-11-23 10:00 UTC"),
    ],
    "bool": [*("true", "T", "yes", "ye", "on", "of", "off", "0", "1", "10", "o", "", " n ", "x")],
}
LIKES = [
    *("", "%", "hel%", "%lo", "h_llo", "HEL%", "%\n", "a\\%b%", "%\\\\", "%녕", "é", "_", "__"),
    *("%a%b", "%l%l%", "%a%a%a%a%", "a%%b"),
]
PATTERNS = [
    *(
        "",
        "^hel",
        "lo$",
        "l+",
        "^(a+)+$",
        "^a*b$",
        "a{2,3}b",
        "^.$",
        "^..$",
        "[[:alpha:]]",
        "^\\w+$",
    ),
    *(
        "[^a-z]",
        "\\s",
        "\\S\\s",
        "[]-]",
        "[a\\]]",
        "HELLO",
        "é",
        "[É]",
        "[^h]",
        "a|^$",
        "()",
        "a||b",
    ),
    *(
        "}",
        "a{",
        "a{x}",
        "[[.-.]]",
        "[[=a=]]",
        "\\.",
        "\\\\",
        "\\Ah",
        "o\\Z",
        "^^h",
        "a*?b",
        "[\\d]",
    ),
    *("(", ")", "[", "a{2", "*", "a**", "^*", "$*", "(*a)", "a|*", "a{3,2}", "a{999}", "a{1,b}"),
    *("[z-a]", "[[:foo:]]", "[[.foo.]]", "\\q", "a\\", "[a-\\d]", "a+{2}", "{1}", "[[:alpha:"),
]
ARRAYS = {
    "int8": ["{}", "{42,1}", "{ 42 , NULL}", "{null}", "{x}", "{1,}", "{1", "{1}}", '{"42"}'],
    "uuid": ["{" + UUIDS[0].upper() + "}", "{x}"],
    "text": [
        *(
            "{hello}",
            '{"hello"}',
            "{ hello }",
            "{O'Brien}",
            r'{"O\'Brien, \"x\""}',
            "{NULL}",
            '{"NULL"}',
        ),
        *(
            '{""}',
            "{,}",
            '{a"b}',
            '{"a"b}',
            "{\\}\\]-}",
            "{a%b_c\\\\}",
            "{hello,}",
            "{안녕,É}",
            "{a\\",
        ),
    ],
    "timestamptz": ['{"1969-12-31 23:59:59Z"}'],
    "bool": ["{t}", "{f,NULL}", "{x}"],
}
FUNCTION = """
CREATE FUNCTION ask(question jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer boolean;
BEGIN
  EXECUTE format('SELECT %L::%s ' || (question->>'around'),
    question->>'row', question->>'type', question->>'value', question->>'type') INTO answer;
  RETURN coalesce(answer::text, 'null');
EXCEPTION WHEN OTHERS THEN
  RETURN sqlstate || ' ' || sqlerrm;
END $$
"""


def questions() -> list[tuple[str, str, str, str]]:
    """Operator, type, the row's value, the filter's."""
    asked: list[tuple[str, str, str, str]] = []
    for type_, rows in ROWS.items():
        compared = ("eq", "neq", "lt", "lte", "gt", "gte", "isdistinct")
        asked += [
            (op, type_, row, value) for op, row, value in product(compared, rows, VALUES[type_])
        ]
        asked += [("in", type_, row, value) for row, value in product(rows, ARRAYS[type_])]
    for operators, values in ((("like", "ilike"), LIKES), (("match", "imatch"), PATTERNS)):
        asked += [
            (op, "text", row, value) for op, row, value in product(operators, ROWS["text"], values)
        ]
    return asked


def ours(question: tuple[str, str, str, str]) -> str:
    operator, type_, row, value = question
    try:
        (predicate,) = compile_filter(
            [Condition(COLUMNS[type_], operator, value, False)]
        ).predicates
        answer = predicate.check(cast(row, type_))
    except PostgresError as error:
        return str(error)
    return {True: "true", False: "false", None: "null"}[answer]


def same(ours: str, theirs: str) -> bool:
    """PostgreSQL's message, and outside of regular expressions its code, is in ours."""
    if theirs in ("true", "false", "null"):
        return ours == theirs
    code, _, message = theirs.partition(" ")
    return message in ours and ("regular expression" in message or f"ERROR {code} (" in ours)


@pytest.fixture(scope="module")
def answers() -> Iterator[list[str]]:
    """What PostgreSQL says to all questions."""
    try:
        with cluster() as running:
            yield _asked(running)
    except Missing as missing:
        skip_or_fail(str(missing))


def _asked(running: Cluster) -> list[str]:
    around = {one: f"{symbol} %L::%s" for one, symbol in SYMBOLS.items()}
    around["in"] = "= ANY (%L::%s[])"
    content = [
        {"around": around[operator], "type": TYPE_NAMES[type_], "row": row, "value": value}
        for operator, type_, row, value in questions()
    ]
    with psycopg.connect(running.url("postgres"), autocommit=True) as connection:
        # Letters beyond ASCII have case there, as on a hosted project.
        connection.execute("CREATE DATABASE filters LOCALE 'C.UTF-8' TEMPLATE template0")
    with psycopg.connect(running.url("filters"), autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute(FUNCTION)
        row = connection.execute(
            "SELECT json_agg(ask(one) ORDER BY number)"
            " FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY AS asked(one, number)",
            (json.dumps(content),),
        ).fetchone()
    assert row is not None
    answers: list[str] = row[0]
    return answers


def test_filters_answer_as_postgresql_does(answers: list[str]) -> None:
    asked = questions()

    assert len(asked) == len(answers)
    wrong = [
        (question, ours(question), theirs)
        for question, theirs in zip(asked, answers, strict=True)
        if not same(ours(question), theirs)
    ]
    assert wrong == []
