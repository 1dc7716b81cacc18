"""Where the person is, and what they can do there."""

from __future__ import annotations

from typing import get_args

import pytest

from harness.drivers.person import PLACE_TABLE, Act, Person, Place
from harness.errors import LocalProtocolError
from harness.runsettings import MoveKind


def test_every_move_of_a_plan_is_in_the_table() -> None:
    assert {act.value for act in Act} == set(get_args(MoveKind))
    assert {act for _, act in PLACE_TABLE} == set(Act)


def test_from_every_place_there_is_a_way_back_to_reading() -> None:
    for place in set(Place) - {Place.READING}:
        assert Place.READING in {to for (at, _), to in PLACE_TABLE.items() if at is place}


def test_who_does_what_makes_no_sense_stays_where_they_are() -> None:
    person = Person()
    person.does("arrive")

    with pytest.raises(LocalProtocolError, match="READING does not allow SHOW"):
        person.does("show")

    assert person.why_not is None


def test_only_who_cannot_reach_the_button_is_kept_from_clicking() -> None:
    person = Person()
    assert person.why_not == "page_not_open"
    person.does("arrive")
    person.does("go_offline")
    assert person.why_not is None
    assert not person.has_network
