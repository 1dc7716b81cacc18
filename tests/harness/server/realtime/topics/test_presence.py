from __future__ import annotations

import json
from typing import Any

import pytest

from harness.server.realtime.topics.presence import Diff, Grouped, Presence
from harness.wire.phoenix import payload


def plain(grouped: Grouped) -> dict[str, Any]:
    """As a client reads it."""
    read: dict[str, Any] = json.loads(bytes(payload(grouped)))
    return read


def sides(diff: Diff | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Who joins and who leaves."""
    assert diff is not None
    return plain(diff.joins), plain(diff.leaves)


def test_who_tracks_is_in_the_state_under_the_key() -> None:
    presence = Presence()

    diff = presence.track(1, "ann", {"typing": True}, "r1")

    expected = {"ann": {"metas": [{"typing": True, "phx_ref": "r1"}]}}
    assert sides(diff) == (expected, {})
    assert plain(presence.state) == expected


def test_a_change_leaves_as_the_old_and_joins_as_the_new_with_the_ref_before() -> None:
    presence = Presence()
    presence.track(1, "ann", {"typing": True}, "r1")

    diff = presence.track(1, "ann", {"typing": False}, "r2")

    new = {"typing": False, "phx_ref": "r2", "phx_ref_prev": "r1"}
    old = {"typing": True, "phx_ref": "r1"}
    assert sides(diff) == ({"ann": {"metas": [new]}}, {"ann": {"metas": [old]}})
    assert presence.state == diff.joins


def test_one_key_on_two_connections_has_two_metas_and_goes_one_by_one() -> None:
    presence = Presence()
    presence.track(1, "ann", {}, "r1")
    presence.track(2, "ann", {}, "r2")
    assert len(presence.state["ann"]["metas"]) == 2

    diff = presence.untrack(1)

    assert sides(diff) == ({}, {"ann": {"metas": [{"phx_ref": "r1"}]}})
    assert plain(presence.state) == {"ann": {"metas": [{"phx_ref": "r2"}]}}


def test_one_who_was_not_here_does_not_leave() -> None:
    assert Presence().untrack(1) is None


def test_what_the_app_says_cannot_take_the_place_of_a_ref() -> None:
    presence = Presence()

    presence.track(1, "ann", {"phx_ref": "mine"}, "r1")

    assert plain(presence.state)["ann"]["metas"] == [{"phx_ref": "r1"}]


def test_what_cannot_be_sent_is_not_kept() -> None:
    presence = Presence()

    with pytest.raises(TypeError):
        presence.track(1, "ann", {"x": object()}, "r1")

    assert presence.state == {}
