from __future__ import annotations

from typing import Any

import pytest

from harness.server.realtime.changes.asked import MAX_PROBLEM_CHARS, Join, parse_join
from tests.harness.server.builders import asked, join_frame, room_filter


def joined(*filters: dict[str, Any] | None) -> Join:
    return parse_join(asked(join_frame(*filters)))


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


@pytest.mark.parametrize("content", [{}, {"config": 1}, {"config": {"postgres_changes": 1}}])
def test_a_payload_that_makes_no_sense_joins_without_bindings(
    content: dict[str, Any],
) -> None:
    assert parse_join(content) == Join(bindings=(), echo=())


def test_what_is_no_binding_is_left_out_and_the_others_are_served() -> None:
    join = parse_join({"config": {"postgres_changes": [room_filter(), None, "x"]}})

    assert [one.webinar_id for one in join.bindings] == [42]
    assert len(join.echo) == 1


UNABLE = "Unable to subscribe to changes with given parameters. The "


@pytest.mark.parametrize(
    ("filters", "why"),
    [
        ([room_filter()] * 101, "join has 101 bindings; at most 100"),
        (
            [{**room_filter(), "filter": "body=eq." + "x" * 50_000}] * 2,
            "join has 100016 characters of filters; at most 100000",
        ),
        (
            [{**room_filter(), "filter": ",".join(["id=gt.1"] * 501)}] * 2,
            "connection would have 1002 filter conditions; at most 1000",
        ),
        (
            [{**room_filter(), "filter": "body=like.a%,body=imatch.a"}] * 6,
            "connection would have 12 filter conditions with like/ilike/match/imatch; at most 10",
        ),
        (
            [{**room_filter(), "filter": "body=like." + "%a" * 251}],
            "join has a pattern of 502 characters; at most 500",
        ),
    ],
)
def test_a_join_that_would_cost_everybody_much_is_muted(
    filters: list[dict[str, Any]], why: str
) -> None:
    join = joined(*filters)

    assert join.problem == f"{UNABLE}{why} are allowed."
    assert join.bindings == ()
    assert len(join.echo) == len(filters)


def test_a_join_may_go_to_its_limits() -> None:
    ten = ",".join(["body=match.a", *["id=gt.1"] * 9])
    join = joined(
        *[{**room_filter(), "filter": ten}] * 10,
        *[{**room_filter(), "filter": ",".join(["id=gt.1"] * 10)}] * 90,
    )

    assert len(join.bindings) == 100


def test_what_is_wrong_with_a_join_is_kept_in_a_bounded_text() -> None:
    join = joined({"event": "*", "nonsense": "x" * 100_000})

    assert join.problem is not None
    assert len(join.problem) == MAX_PROBLEM_CHARS
