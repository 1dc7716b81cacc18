from __future__ import annotations

from typing import Any

import pytest

from harness.server.realtime.changes.bindings import (
    Binding,
    Wanted,
    binding_id,
    parse_binding,
    serve,
)
from tests.harness.server.builders import room_filter, row

NO_TABLE = (
    "No subscription params provided."
    " Please provide at least a `schema` or `table` to subscribe to: "
)
UNABLE = "Unable to subscribe to changes with given parameters. "


def served(asked: dict[str, Any]) -> Binding | str:
    wanted = parse_binding(asked)
    return serve(wanted) if isinstance(wanted, Wanted) else wanted


def test_the_same_binding_has_the_same_id_whatever_the_order_of_its_keys() -> None:
    asked = room_filter()

    assert binding_id(asked) == binding_id(dict(reversed(asked.items())))
    assert binding_id(asked) != binding_id(room_filter(43))
    assert 0 < binding_id(asked) < 2**27


@pytest.mark.parametrize(
    ("asked", "event", "room"),
    [
        ({"event": "*", "schema": "public"}, "*", None),
        ({"event": "insert", "schema": "*", "table": "*"}, "INSERT", None),
        ({"table": "messages"}, "*", None),
        ({"schema": "pub%", "table": "m_ssages"}, "*", None),
        ({"event": "TRUNCATE", "table": "messages"}, "*", None),
        ({"event": 1, "table": "messages"}, "*", None),
        (room_filter(7), "INSERT", 7),
        ({**room_filter(), "filter": " "}, "INSERT", None),
        ({**room_filter(), "filter": "hidden=is.false,webinar_id=eq. 8"}, "INSERT", 8),
        ({**room_filter(), "filter": "webinar_id=not.eq.8"}, "INSERT", None),
        ({**room_filter(), "filter": "webinar_id=in.(8)"}, "INSERT", None),
    ],
)
def test_bindings_to_the_messages_table_are_served(
    asked: dict[str, Any], event: str, room: int | None
) -> None:
    binding = served(asked)

    assert isinstance(binding, Binding)
    assert (binding.event, binding.webinar_id) == (event, room)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"event": "*"}, '%{"event" => "*"}'),
        (
            {"schema": "public", "filter": "a=eq.1"},
            '%{"filter" => "a=eq.1", "schema" => "public"}',
        ),
        ({"table": "messages", "filter": "id=eq.1"}, None),
        ({"schema": "public", "table": None}, '%{"schema" => "public", "table" => nil}'),
        ({**room_filter(), "filter": None}, None),
        ({"user_token": "secret"}, "<redacted>"),
    ],
)
def test_a_binding_without_a_table_to_look_at_is_shown_as_it_came(
    asked: dict[str, Any], shown: str | None
) -> None:
    problem = served(asked)

    assert isinstance(problem, str)
    assert problem.startswith(NO_TABLE)
    assert shown is None or problem == NO_TABLE + shown


def test_a_pattern_for_names_that_is_longer_than_any_name_names_nothing() -> None:
    problem = served({"schema": "public", "table": "%" * 64})

    assert isinstance(problem, str)
    assert problem.startswith(UNABLE)


def test_a_table_that_is_not_published_is_named_with_all_parameters() -> None:
    asked = {**room_filter(), "event": "insert", "table": "users", "select": ["a"]}

    assert served(asked) == (
        f"{UNABLE}Please check Realtime is enabled for the given connect parameters:"
        " [event: INSERT, schema: public, table: users,"
        ' filters: [{"webinar_id", "eq", "42", false}], select: ["a"]]'
    )


@pytest.mark.parametrize(
    ("filter_", "shown", "exception"),
    [
        (
            "foo=eq.1",
            '{"foo", "eq", "1", false}',
            "ERROR P0001 (raise_exception) invalid column for filter foo",
        ),
        (
            "webinar_id=not.eq.one",
            '{"webinar_id", "eq", "one", true}',
            'ERROR 22P02 (invalid_text_representation) invalid input syntax for type bigint: "one"',
        ),
    ],
)
def test_what_the_database_refuses_comes_as_its_exception(
    filter_: str, shown: str, exception: str
) -> None:
    assert served({**room_filter(), "filter": filter_}) == (
        f"{UNABLE}An exception happened so please check your connect parameters:"
        f" [event: INSERT, schema: public, table: messages, filters: [{shown}], select: nil]."
        f" Exception: {exception}"
    )


def test_only_columns_of_a_named_table_can_be_selected() -> None:
    unknown = served({**room_filter(), "select": ["body", "foo"]})
    wildcard = served({"schema": "public", "select": ["body"]})
    text = served({**room_filter(), "select": "body"})
    known = served({**room_filter(), "select": ["hidden", 1, "body"]})
    none = served({**room_filter(), "select": []})

    assert isinstance(unknown, str)
    assert unknown.endswith("invalid column for select foo")
    assert isinstance(wildcard, str)
    assert wildcard.startswith("Column selection is not supported for wildcard subscriptions.")
    assert isinstance(text, str)
    assert text.startswith("Error parsing `select` params")
    assert isinstance(known, Binding)
    assert known.select == ("body", "hidden")
    assert isinstance(none, Binding)
    assert none.select is None


@pytest.mark.parametrize(
    ("event", "room", "op", "key_only", "expected"),
    [
        ("*", 42, "UPDATE", False, True),
        ("INSERT", 42, "UPDATE", False, False),
        ("INSERT", 7, "INSERT", False, False),
        ("DELETE", 42, "DELETE", True, False),
        ("DELETE", 42, "DELETE", False, True),
    ],
)
def test_a_binding_matches_by_event_and_room(
    event: str, room: int, op: Any, key_only: bool, expected: bool
) -> None:
    binding = served(room_filter(room, event))

    assert isinstance(binding, Binding)
    assert binding.matches(op, row(), key_only=key_only) is expected
