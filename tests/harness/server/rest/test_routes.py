from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import msgspec
import pytest

from harness.server.storage.model import StorageUnavailable
from harness.server.storage.sqlite import SqliteStorage
from tests.harness.server.builders import (
    MESSAGE,
    SECRET,
    TOKENS,
    UNIX_START_S,
    USER,
    anon_token,
    user_token,
)
from tests.harness.server.rest.api import (
    ANON,
    COUNT,
    MADE,
    MESSAGES,
    NOW_S,
    SERVICE,
    SHOW,
    SINGLE,
    RestApi,
    as_user,
    code_of,
)

OTHER = "99999999-1111-4111-8111-111111111111"
MODERATOR = as_user("moderator", user_id=OTHER)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[RestApi]:
    storage = SqliteStorage(tmp_path / "chat.db", lambda changes: None)
    yield RestApi(storage)
    storage.close()


def filled(api: RestApi, count: int = 3) -> None:
    for number in range(count):
        answer = api.insert(client_msg_id=f"22222222-2222-4222-8222-{number:012d}")
        assert answer.status == 201, answer.content


def test_an_insert_answers_with_the_row_as_it_is_stored(api: RestApi) -> None:
    answer = api.insert(user_id=USER, client_msg_id=MESSAGE.upper())

    assert answer.status == 201
    assert answer.json() == msgspec.to_builtins(api.rows())
    (row,) = api.rows()
    assert (row.user_id, row.client_msg_id, row.body) == (USER, MESSAGE, "hi")
    assert row.created_at == TOKENS.wall_time.timestamptz(NOW_S)


def test_omitted_columns_have_defaults(api: RestApi) -> None:
    (row,) = api.insert().json()

    assert (row["user_id"], row["client_msg_id"]) == (USER, MADE)


def test_an_insert_answers_with_nothing_unless_asked(api: RestApi) -> None:
    answer = api.ask("POST", MESSAGES, {"webinar_id": 42, "body": "hi"})

    assert (answer.status, answer.content) == (201, b"")
    assert len(api.rows()) == 1


def test_an_insert_may_answer_with_one_object_of_some_columns(api: RestApi) -> None:
    body = {"webinar_id": "42", "body": "hi"}
    answer = api.ask("POST", f"{MESSAGES}?select=id", [body], None, SHOW, SINGLE)

    assert (answer.status, answer.json()) == (201, {"id": 1})


def test_a_repeated_insert_is_a_conflict_unless_it_is_to_be_passed_over(api: RestApi) -> None:
    api.insert()
    again = api.insert()
    passed = api.ask(
        "POST",
        MESSAGES,
        {"webinar_id": 42, "body": "hi"},
        None,
        ("Prefer", "resolution=ignore-duplicates,return=representation"),
    )

    assert code_of(again) == (409, "23505")
    assert again.json()["details"] == (
        f"Key (webinar_id, user_id, client_msg_id)=(42, {USER}, {MADE}) already exists."
    )
    assert (passed.status, passed.json()) == (201, [])
    assert len(api.rows()) == 1


@pytest.mark.parametrize(
    ("headers", "columns", "status", "code"),
    [
        (None, {"user_id": OTHER}, 403, "42501"),
        (None, {"webinar_id": 43}, 403, "42501"),
        (ANON, {"user_id": USER}, 401, "42501"),
        (ANON, {}, 401, "42501"),
        (None, {"webinar_id": None}, 403, "42501"),
        (None, {"id": 7}, 403, "42501"),
        (None, {"hidden": True}, 403, "42501"),
        (None, {"nope": 1}, 400, "PGRST204"),
        (None, {"body": None}, 400, "23502"),
        (None, {"body": " "}, 400, "23514"),
        (None, {"body": "x" * 4001}, 400, "23514"),
        (None, {"body": "a\0"}, 400, "22P05"),
        (None, {"webinar_id": 1.5}, 400, "22P02"),
        (None, {"webinar_id": 2**63}, 400, "22003"),
        (None, {"client_msg_id": "x"}, 400, "22P02"),
        (SERVICE, {}, 400, "23502"),
    ],
)
def test_an_insert_that_must_not_be_is_refused_with_its_code(
    api: RestApi, headers: Any, columns: dict[str, Any], status: int, code: str
) -> None:
    assert code_of(api.insert(headers, **columns)) == (status, code)
    assert api.rows() == []


@pytest.mark.parametrize("body", [b"", b"{", b"7", b'{"body":"\\ud800"}', b"[" * 60_000])
def test_a_body_that_is_no_row_is_refused(api: RestApi, body: bytes) -> None:
    assert code_of(api.ask("POST", MESSAGES, body)) == (400, "PGRST102")


def test_several_rows_at_once_are_not_served(api: RestApi) -> None:
    row = {"webinar_id": 42, "body": "hi"}

    assert code_of(api.ask("POST", MESSAGES, [row, row])) == (400, "PGRST127")
    assert api.rows() == []


def test_a_body_that_is_too_large_or_not_json_is_refused(api: RestApi) -> None:
    assert api.ask("POST", MESSAGES, b"x" * 70_000).status == 413
    kind = ("Content-Type", "text/plain")
    assert code_of(api.ask("POST", MESSAGES, b"x", None, kind)) == (400, "PGRST102")


def test_a_poll_and_a_history_are_read(api: RestApi) -> None:
    filled(api)
    poll = api.ask("GET", f"{MESSAGES}?select=*&webinar_id=eq.42&id=gt.1&order=id.asc&limit=50")
    last = api.ask("GET", f"{MESSAGES}?select=id&webinar_id=eq.42&order=created_at.desc&limit=2")

    assert poll.json() == msgspec.to_builtins(api.rows()[1:])
    assert poll.headers["content-range"] == "0-1/*"
    assert len(last.json()) == 2


def test_rows_are_counted_when_asked(api: RestApi) -> None:
    filled(api)
    some = api.ask("GET", f"{MESSAGES}?limit=2&offset=1", b"", None, COUNT)
    whole = api.ask("GET", MESSAGES, b"", None, COUNT)
    beyond = api.ask("GET", f"{MESSAGES}?offset=4", b"", None, COUNT)

    assert (some.status, some.headers["content-range"]) == (206, "1-2/3")
    assert (whole.status, whole.headers["content-range"]) == (200, "0-2/3")
    assert code_of(beyond) == (416, "PGRST103")


def test_a_range_header_is_a_limit_too(api: RestApi) -> None:
    filled(api)

    assert [row["id"] for row in api.ask("GET", MESSAGES, b"", None, ("Range", "1-1")).json()] == [
        2
    ]


def test_an_answer_has_no_more_rows_than_a_knob_says(api: RestApi) -> None:
    filled(api)
    api.knobs(rest_max_rows=2)

    assert len(api.ask("GET", f"{MESSAGES}?limit=3").json()) == 2


def test_one_object_is_answered_only_where_there_is_one_row(api: RestApi) -> None:
    filled(api, 2)
    one = api.ask("GET", f"{MESSAGES}?select=id&id=eq.2", b"", None, SINGLE)
    two = api.ask("GET", MESSAGES, b"", None, SINGLE)

    assert one.json() == {"id": 2}
    assert code_of(two) == (406, "PGRST116")
    assert two.json()["details"] == "The result contains 2 rows"


def test_who_may_read_nothing_is_answered_with_no_rows(api: RestApi) -> None:
    filled(api)

    for headers in (ANON, as_user(webinar="43")):
        answer = api.ask("GET", MESSAGES, b"", headers)
        assert (answer.status, answer.json()) == (200, [])
    assert len(api.ask("GET", MESSAGES, b"", SERVICE).json()) == 3


def test_rows_are_changed_and_deleted_by_those_who_may(api: RestApi) -> None:
    filled(api)
    edited = api.ask("PATCH", f"{MESSAGES}?id=eq.1", {"body": "new"}, None, SHOW)
    hidden = api.ask("PATCH", f"{MESSAGES}?id=eq.2", {"hidden": True}, MODERATOR, SHOW)
    deleted = api.ask("DELETE", f"{MESSAGES}?id=eq.3", b"", None)

    assert [(row["id"], row["body"]) for row in edited.json()] == [(1, "new")]
    assert [(row["id"], row["hidden"]) for row in hidden.json()] == [(2, True)]
    assert (deleted.status, deleted.content) == (204, b"")
    assert [(row.id, row.body, row.hidden) for row in api.rows()] == [
        (1, "new", False),
        (2, "hi", True),
    ]


def test_more_rows_than_one_answer_has_are_all_changed_and_all_deleted(api: RestApi) -> None:
    filled(api, 5)
    api.knobs(rest_max_rows=2)
    query = f"{MESSAGES}?webinar_id=eq.42&order=body"
    edited = api.ask("PATCH", query, {"body": "new"}, None, SHOW, COUNT)
    assert [row["body"] for row in edited.json()] == ["new"] * 5
    assert edited.headers["content-range"] == "0-4/5"
    assert edited.headers["preference-applied"] == "return=representation, count=exact"
    assert [row.body for row in api.rows()] == ["new"] * 5

    assert api.ask("DELETE", query).status == 204
    assert api.rows() == []


def test_a_limit_an_offset_and_a_range_bind_reads_alone(api: RestApi) -> None:
    filled(api, 3)
    query = f"{MESSAGES}?id=gt.0&order=id.desc&limit=1&offset=1"
    edited = api.ask("PATCH", query, {"body": "new"}, None, SHOW, ("Range", "0-0"))

    assert [row["id"] for row in edited.json()] == [3, 2, 1]
    assert [row.body for row in api.rows()] == ["new"] * 3

    head = api.ask("HEAD", MESSAGES, b"", None, ("Range", "0-0"))
    assert head.headers["content-range"] == "0-2/*"

    deleted = api.ask("DELETE", query, b"", None, COUNT)
    assert deleted.headers["content-range"] == "*/3"
    assert api.rows() == []


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_more_rows_than_a_strict_most_are_all_left_as_they_are(api: RestApi, method: str) -> None:
    filled(api, 3)
    before = api.rows()
    body = {"body": "new"} if method == "PATCH" else b""
    most = [("Prefer", f"handling=strict, max-affected={number}") for number in (2, 3)]

    refused = api.ask(method, f"{MESSAGES}?id=gt.0", body, None, most[0])

    assert code_of(refused) == (400, "PGRST124")
    assert refused.json()["details"] == "The query affects 3 rows"
    assert api.rows() == before

    done = api.ask(method, f"{MESSAGES}?id=gt.0", body, None, most[1])

    assert done.status == 204
    assert done.headers["preference-applied"] == "handling=strict, max-affected=3"
    assert api.rows() != before


def test_two_rows_where_one_was_expected_are_both_left_as_they_are(api: RestApi) -> None:
    filled(api, 2)
    before = api.rows()
    answer = api.ask("PATCH", f"{MESSAGES}?id=in.(1,2)", {"body": "new"}, None, SHOW, SINGLE)

    assert code_of(answer) == (406, "PGRST116")
    assert api.rows() == before


def test_rows_that_one_may_not_change_are_passed_over(api: RestApi) -> None:
    filled(api, 1)
    other = as_user(user_id=OTHER)
    before = api.rows()

    assert api.ask("PATCH", f"{MESSAGES}?id=eq.1", {"body": "new"}, other, SHOW).json() == []
    assert api.ask("DELETE", f"{MESSAGES}?id=eq.1", b"", other, SHOW).json() == []
    single = api.ask("DELETE", f"{MESSAGES}?id=eq.1", b"", other, SHOW, SINGLE)
    assert code_of(single) == (406, "PGRST116")
    assert api.rows() == before


@pytest.mark.parametrize(
    ("method", "target", "body", "error"),
    [
        ("PATCH", "?id=eq.1", {"hidden": True}, (403, "42501")),
        ("PATCH", "?id=eq.1", {"user_id": OTHER}, (403, "42501")),
        ("PATCH", "?id=eq.1", {"body": ""}, (400, "23514")),
        ("PATCH", "?id=eq.1", {"body": None}, (400, "23502")),
        ("PATCH", "", {"body": "new"}, (400, "21000")),
        ("DELETE", "", b"", (400, "21000")),
        ("PUT", "?id=eq.1", {"body": "new"}, (405, "PGRST117")),
    ],
)
def test_a_change_that_must_not_be_is_refused_with_its_code(
    api: RestApi, method: str, target: str, body: Any, error: tuple[int, str]
) -> None:
    filled(api, 1)
    before = api.rows()

    assert code_of(api.ask(method, MESSAGES + target, body)) == error
    assert api.rows() == before


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("/rest/v1/", 404, "PGRST126"),
        ("/rest/v1/nope", 404, "PGRST205"),
        ("/rest/v1/a/b", 404, "PGRST125"),
        ("/rest/v1/rpc/f", 404, "PGRST202"),
        (f"{MESSAGES}?nope=eq.1", 400, "42703"),
    ],
)
def test_what_is_not_there_is_refused_with_its_code(
    api: RestApi, target: str, status: int, code: str
) -> None:
    assert code_of(api.ask("GET", target)) == (status, code)


def test_another_schema_is_refused(api: RestApi) -> None:
    answer = api.ask("GET", MESSAGES, b"", None, ("Accept-Profile", "auth"))

    assert code_of(answer) == (406, "PGRST106")


@pytest.mark.parametrize("key", [None, "", "nonsense", user_token()])
def test_without_the_projects_key_the_gateway_answers_in_its_own_shape(
    api: RestApi, key: str | None
) -> None:
    headers = () if key is None else (("apikey", key),)
    answer = api.ask("GET", MESSAGES, b"", headers)

    assert answer.status == 401
    assert set(answer.json()) == {"message", "hint"}


def test_the_key_may_stand_in_the_query(api: RestApi) -> None:
    answer = api.ask("GET", f"{MESSAGES}?apikey={anon_token()}", b"", ())

    assert (answer.status, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "PGRST301"),
        ("x.y.z", "PGRST301"),
        (user_token(lifetime_s=50), "PGRST303"),
        (user_token()[:-3] + "abc", "PGRST301"),
    ],
)
def test_a_bad_token_is_refused_as_postgrest_does(api: RestApi, token: str, code: str) -> None:
    headers = (("apikey", anon_token()), ("Authorization", f"Bearer {token}"))

    assert code_of(api.ask("GET", MESSAGES, b"", headers)) == (401, code)


def test_a_user_is_a_uuid_however_it_is_written(api: RestApi) -> None:
    assert api.insert(as_user(user_id=USER.upper())).json()[0]["user_id"] == USER
    assert code_of(api.ask("GET", MESSAGES, b"", as_user(user_id="nobody"))) == (400, "22P02")


def test_a_role_that_the_database_does_not_have_is_refused(api: RestApi) -> None:
    claims = {"role": "root", "sub": USER, "exp": UNIX_START_S + 3600}
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    headers = (("apikey", anon_token()), ("Authorization", f"Bearer {token}"))

    assert code_of(api.ask("GET", MESSAGES, b"", headers)) == (401, "22023")


def test_pages_of_other_origins_may_ask(api: RestApi) -> None:
    preflight = api.ask(
        "OPTIONS",
        MESSAGES,
        b"",
        (("Origin", "http://x"), ("Access-Control-Request-Method", "PATCH")),
    )

    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert api.ask("GET").headers["access-control-allow-origin"] == "*"


def test_an_unexpected_error_is_answered_in_postgrests_shape(
    api: RestApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **options: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(api.storage, "select", fail)

    assert code_of(api.ask("GET")) == (500, "XX000")


def test_planted_defects_reach_reads_and_inserts(api: RestApi) -> None:
    filled(api)
    target = f"{MESSAGES}?select=id&id=gt.0&order=id"
    api.plant("poll-unordered", "poll-off-by-one", "poll-beyond-permission", "no-unique-key")

    assert [row["id"] for row in api.ask("GET", target, b"", ANON).json()] == [3, 2]
    assert [api.insert().status for _ in range(2)] == [201, 201]


@pytest.mark.parametrize(("method", "broken"), [("GET", "select"), ("POST", "create")])
def test_a_database_that_cannot_serve_is_said_as_postgrest_does(
    api: RestApi, monkeypatch: pytest.MonkeyPatch, method: str, broken: str
) -> None:
    async def unavailable(*_: object, **__: object) -> None:
        raise StorageUnavailable("database is locked")

    monkeypatch.setattr(api.storage, broken, unavailable)
    target = f"{MESSAGES}?body=eq.x" if method == "GET" else MESSAGES
    answer = api.ask(method, target, {"webinar_id": 42, "body": "hi"} if method == "POST" else b"")

    assert code_of(answer) == (503, "PGRST000")
    assert answer.json()["details"] == "database is locked"


@pytest.mark.parametrize(
    ("query", "ids", "content_range"),
    [
        ("id=gt.1&order=id.asc&limit=2", [3, 4], "0-1/4"),
        ("id=gt.1&order=id.desc&limit=2", [6, 5], "0-1/4"),
        ("id=gt.1&order=id.desc", [6, 5, 4, 3], "0-3/4"),
        ("id=gt.1&order=body.asc,id.desc", [6, 5, 4, 3], "0-3/4"),
        ("id=gt.1&order=id.asc&limit=2&offset=2", [5, 6], "2-3/4"),
        ("id=gt.6", [], "*/0"),
        ("id=gte.5", [5, 6], "0-1/2"),
        ("id=not.gt.2&order=id.asc", [1, 2], "0-1/2"),
    ],
)
def test_off_by_one_lacks_the_row_with_the_least_id_after_the_cursor_alone(
    api: RestApi, query: str, ids: list[int], content_range: str
) -> None:
    for _ in range(6):
        api.insert(client_msg_id=str(uuid4()))
    api.plant("poll-off-by-one")
    answer = api.ask("GET", f"{MESSAGES}?{query}", b"", None, COUNT)

    assert [row["id"] for row in answer.json()] == ids
    assert answer.headers["content-range"] == content_range
