"""What the channel asks for, and which answers say something else (realtime-js's comparison)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.client.bindings import differ, room_bindings

ROOM = {"event": "*", "schema": "public", "table": "messages", "filter": "webinar_id=eq.42"}
DELETES = {"event": "DELETE", "schema": "public", "table": "messages"}
BOTH = room_bindings(42, all_deletes=True)


def raw(response: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(response))


def told(*bindings: Any) -> msgspec.Raw:
    return raw({"postgres_changes": bindings})


def test_r2_the_rooms_changes_are_asked_for_and_every_delete_where_the_policy_says_so() -> None:
    assert msgspec.to_builtins(room_bindings(42, all_deletes=False)) == (ROOM,)
    assert msgspec.to_builtins(BOTH) == (ROOM, DELETES)


@pytest.mark.parametrize(
    "response",
    [
        told({**ROOM, "id": 1}, {**DELETES, "id": 2}),
        told(ROOM, {**DELETES, "filter": None}),
        told(ROOM, DELETES, ROOM),
        raw({}),
    ],
    ids=["same", "null-for-nothing", "one-too-many", "none-named"],
)
def test_an_answer_that_says_the_same_is_taken(response: msgspec.Raw) -> None:
    assert not differ(BOTH, response)


@pytest.mark.parametrize("field", ["event", "schema", "table", "filter"])
@pytest.mark.parametrize("value", ["else", None, 1])
def test_an_answer_that_differs_in_one_field_is_none(field: str, value: object) -> None:
    assert differ(BOTH, told({**ROOM, field: value}, DELETES))


@pytest.mark.parametrize(
    "response",
    [
        told(),
        told(ROOM),
        told(DELETES, ROOM),
        told(ROOM, "DELETE"),
        raw({"postgres_changes": None}),
    ],
    ids=["none", "fewer", "in-another-order", "no-object", "null"],
)
def test_an_answer_of_another_shape_is_none(response: msgspec.Raw) -> None:
    assert differ(BOTH, response)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(response=JSON | JSON.map(lambda value: {"postgres_changes": value}))
def test_no_answer_of_a_server_can_break_the_comparison(response: Any) -> None:
    assert differ(BOTH, raw(response)) in (True, False)
