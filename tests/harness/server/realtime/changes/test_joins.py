from __future__ import annotations

from typing import Any

import pytest

from harness.server.realtime.changes.joins import Join, parse_join
from harness.wire.phoenix import payload
from tests.harness.server.builders import join_frame, room_filter


def joined(*filters: dict[str, Any] | None) -> Join:
    return parse_join(join_frame(*filters).payload)


def test_one_binding_that_cannot_be_served_mutes_the_channel() -> None:
    join = joined(room_filter(), {**room_filter(), "table": "users"}, None)

    assert join.bindings == ()
    assert len(join.echo) == 2
    assert join.problem is not None


def test_a_malformed_binding_is_named_before_one_that_is_refused() -> None:
    join = joined({**room_filter(), "table": "users"}, {**room_filter(), "filter": "undefined"})

    assert join.problem == 'Error parsing `filter` params: ["undefined"]'


def test_of_several_refused_bindings_the_last_is_named() -> None:
    join = joined(*({**room_filter(), "table": table} for table in ("users", "rooms")))

    assert join.problem is not None
    assert "table: rooms" in join.problem


@pytest.mark.parametrize("content", [None, 1, {"config": 1}, {"config": {"postgres_changes": 1}}])
def test_a_payload_that_makes_no_sense_joins_without_bindings(content: Any) -> None:
    assert parse_join(payload(content)) == Join(bindings=(), echo=())


def test_what_is_no_binding_is_left_out_and_the_others_are_served() -> None:
    join = parse_join(payload({"config": {"postgres_changes": [room_filter(), None, "x"]}}))

    assert [one.webinar_id for one in join.bindings] == [42]
    assert len(join.echo) == 1
