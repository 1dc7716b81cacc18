"""The filters against what PostgreSQL itself says for the same operator and values."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from harness.server.realtime.filters.filters import compile_filter
from harness.server.realtime.filters.syntax import Condition
from harness.server.realtime.filters.values import TYPE_NAMES, PostgresError, cast
from tests.support.required import skip_or_fail

pytestmark = pytest.mark.e2e

WITHIN_S = 60
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
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What PostgreSQL says to all questions, from its single-user mode: no server, no socket."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("[0-9]*/bin/postgres"))
    found = str(binaries[0]) if binaries else shutil.which("postgres")
    if found is None:
        skip_or_fail("no PostgreSQL here (Debian: apt install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="cq-filters-"))
    try:
        yield _asked(Path(found).resolve().parent, folder)
    finally:
        shutil.rmtree(folder)


def _asked(binaries: Path, folder: Path) -> list[str]:
    user = None
    if os.geteuid() == 0:  # PostgreSQL refuses root
        user = "postgres"
        if user not in {one.pw_name for one in pwd.getpwall()}:
            skip_or_fail("PostgreSQL refuses root, and there is no user postgres to run it")
        shutil.chown(folder, user)
    around = {one: f"{symbol} %L::%s" for one, symbol in SYMBOLS.items()}
    around["in"] = "= ANY (%L::%s[])"
    content = [
        {"around": around[operator], "type": TYPE_NAMES[type_], "row": row, "value": value}
        for operator, type_, row, value in questions()
    ]
    (folder / "questions").write_text(json.dumps(content))
    (folder / "questions").chmod(0o644)
    initdb: list[str | Path] = [
        binaries / "initdb",
        "-D",
        folder / "data",
        "-U",
        "postgres",
        "--no-sync",
    ]
    _run([*initdb, "--encoding", "UTF8", "--locale", "C.UTF-8"], user, folder)
    statements = [
        "SET timezone = 'UTC'",
        FUNCTION,
        f"COPY (SELECT json_agg(ask(one) ORDER BY number) FROM jsonb_array_elements("
        f"pg_read_file('{folder}/questions')::jsonb) WITH ORDINALITY AS asked(one, number))"
        f" TO '{folder}/answers' (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')",
    ]
    single: list[str | Path] = [
        binaries / "postgres",
        "--single",
        "-j",
        "-D",
        folder / "data",
        "postgres",
    ]
    text = "".join(f"{one};\n\n" for one in statements)
    _run(single, user, folder, text)
    answers: list[str] = json.loads((folder / "answers").read_text())
    return answers


def _run(command: list[str | Path], user: str | None, folder: Path, text: str = "") -> None:
    subprocess.run(
        command,
        user=user,
        input=text.encode(),
        check=True,
        capture_output=True,
        cwd=folder,
        timeout=WITHIN_S,
    )


def test_filters_answer_as_postgresql_does(answers: list[str]) -> None:
    asked = questions()

    assert len(asked) == len(answers)
    wrong = [
        (question, ours(question), theirs)
        for question, theirs in zip(asked, answers, strict=True)
        if not same(ours(question), theirs)
    ]
    assert wrong == []
