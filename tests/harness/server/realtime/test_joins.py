from __future__ import annotations

from typing import Any

import pytest

from harness.server.realtime.joins import Binding, Join, binding_id, parse_join
from harness.wire.phoenix import payload
from tests.harness.server.builders import join_frame, room_filter


def joined(*filters: dict[str, Any]) -> Join:
    return parse_join(join_frame(*filters).payload)


def test_the_same_filter_has_the_same_id_whatever_the_order_of_its_keys() -> None:
    asked = room_filter()

    assert binding_id(asked) == binding_id(dict(reversed(asked.items())))
    assert binding_id(asked) != binding_id(room_filter(43))
    assert 0 < binding_id(asked) < 2**27


@pytest.mark.parametrize(
    ("asked", "room"),
    [
        ({"event": "*", "schema": "public"}, None),
        ({"event": "insert", "schema": "*", "table": "*"}, None),
        (room_filter(7), 7),
    ],
)
def test_bindings_to_the_messages_table_are_served(asked: dict[str, Any], room: int | None) -> None:
    (binding,) = joined(asked).bindings

    assert binding.webinar_id == room


@pytest.mark.parametrize(
    "change",
    [
        {"table": "users"},
        {"schema": "auth"},
        {"event": "TRUNCATE"},
        {"filter": "room=eq.1"},
        {"filter": "webinar_id=gt.1"},
        {"filter": "webinar_id=eq.one"},
        {"event": 1},
    ],
)
def test_one_binding_that_cannot_be_served_mutes_the_channel(change: dict[str, Any]) -> None:
    join = joined(room_filter(), {**room_filter(), **change})

    assert join.bindings == ()
    assert len(join.echo) == 2
    assert join.problem is not None
    assert join.problem.startswith("Unable to subscribe to changes with given parameters.")


@pytest.mark.parametrize("content", [None, 1, {"config": 1}, {"config": {"postgres_changes": 1}}])
def test_a_payload_that_makes_no_sense_joins_without_bindings(content: Any) -> None:
    assert parse_join(payload(content)) == Join(access_token=None, bindings=(), echo=())


def test_the_older_name_of_the_token_is_understood() -> None:
    assert parse_join(payload({"user_token": "t"})).access_token == "t"


@pytest.mark.parametrize(
    ("event", "room", "op", "seen", "expected"),
    [
        ("*", 42, "UPDATE", 42, True),
        ("INSERT", 42, "UPDATE", 42, False),
        ("INSERT", 42, "INSERT", 7, False),
        ("DELETE", 42, "DELETE", None, False),
        ("DELETE", None, "DELETE", None, True),
    ],
)
def test_a_binding_matches_by_event_and_room(
    event: str, room: int | None, op: Any, seen: int | None, expected: bool
) -> None:
    assert Binding(1, event, room).matches(op, seen) is expected
