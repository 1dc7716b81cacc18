"""``[load]``: keys that do not fit the shape, or each other."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from scenarios.demand import Load
from scenarios.model import load_scenario, scenario_from, to_toml
from scenarios.population import population

RAMP = ("load.arrivals=ramp", "load.peak_messages_per_s_per_room=4")
BURSTS = (
    "load.arrivals=bursts",
    "load.burst_every_s=8",
    "load.burst_lasts_s=2",
    "load.burst_messages=10",
)
PEOPLE = ("load.people.presenter=1", "load.people.lurker=1")
AWAY = '{where="other_page", every_s=20, lasts_s=5}'
HABITS = ("load.retries.all={after_s=3, at_most=2}", f"load.absences=[{AWAY}, {AWAY}]")
RECORDED = ("load.arrivals=recorded", "load.recorded_s=[1, 2.5]")


def error_of(*sets: str) -> str:
    with pytest.raises(UsageError) as caught:
        load_scenario("steady", sets=sets)
    text = str(caught.value)
    assert "\n" not in text
    return text.removeprefix("steady.toml with --set: load.")


@pytest.mark.parametrize("sets", [RAMP, BURSTS, RECORDED, PEOPLE, HABITS])
def test_a_shaped_scenario_reads_back_as_itself(sets: tuple[str, ...]) -> None:
    scenario = load_scenario("steady", sets=sets)

    assert scenario_from(tomllib.loads(to_toml(scenario)), where="again") == scenario


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        (RAMP[:1], "peak_messages_per_s_per_room: is missing; arrivals = ramp needs it"),
        (BURSTS[:2], "burst_lasts_s: is missing; arrivals = bursts needs it"),
        (RECORDED[:1], "recorded_s: is missing; arrivals = recorded needs it"),
        (
            RAMP[1:],
            "peak_messages_per_s_per_room: has no effect with arrivals = poisson; leave it out, "
            "or choose ramp or diurnal",
        ),
        (
            (*RAMP[:1], "load.peak_messages_per_s_per_room=1"),
            "peak_messages_per_s_per_room: 1 is below messages_per_s_per_room, 2; at least that",
        ),
        (
            (*BURSTS, "load.burst_lasts_s=8"),
            "burst_lasts_s: 8 is no shorter than burst_every_s; less than 8",
        ),
        (
            (*BURSTS, "load.burst_every_s=20"),
            "burst_every_s: 20 is too long for a load of 20 s, which would see no burst; less "
            "than 20",
        ),
        (
            (*RECORDED, "load.recorded_s=[2, 1]"),
            "recorded_s: 1 comes after 2; the moments must rise",
        ),
        (
            (*RECORDED, "load.recorded_s=[20, 21]"),
            "recorded_s: the first moment, 20, is after the load's end; less than 20",
        ),
        ((*RECORDED, "load.recorded_s=1"), "recorded_s: expected a list, got a whole number"),
        ((*RECORDED, "load.recorded_s=[]"), "recorded_s: expected a list of length >= 1"),
        (
            (*RAMP[:1], "load.peak_messages_per_s_per_room=26"),
            "peak_messages_per_s_per_room: 26 is too much for a room of 25, whose send button is "
            "disabled for 1 s after each message (S6); at most 25",
        ),
        (
            (*BURSTS, "load.burst_messages=60"),
            "burst_messages: 60 is too much for a room of 25, whose send button is disabled for "
            "1 s after each message (S6); at most 46",
        ),
        (
            ("load.people.chater=1",),
            "people.chater: no such persona; did you mean chatter? allowed: chatter, "
            "double-clicker, late-comer, leaver, lurker, moderator, participant, presenter",
        ),
        (
            ("load.people.lurker=0.5", "load.people.presenter=1"),
            "people: the shares add up to 0.5; they must add up to 1, presenter and moderator "
            "aside",
        ),
        (
            ("load.people.lurker=1", "load.people.presenter=0.5"),
            "people.presenter: 0.5 is not how many of them a room has; a whole number",
        ),
        (
            ("load.retries.chater={at_most=2}",),
            "retries.chater: no such persona, 'chater'; did you mean chatter? allowed: chatter, "
            "double-clicker, late-comer, leaver, lurker, moderator, participant, presenter",
        ),
        (
            ("load.retries.lurker={at_most=2}",),
            "retries.lurker: nobody here is a lurker; allowed: participant, or add it to "
            "load.people",
        ),
        (
            (*PEOPLE, f"load.absences=[{AWAY[:-1]}, people=['chatter']}}]"),
            "absences: nobody here is a chatter; allowed: lurker, presenter, or add it to "
            "load.people",
        ),
    ],
)
def test_a_mistake_is_one_line(sets: tuple[str, ...], expected: str) -> None:
    assert error_of(*sets) == expected


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ("load.retries.all={at_most=0}", "retries.all.at_most: expected a whole number >= 1"),
        (
            "load.retries={all={}, chatter={after=2}}",
            "retries.chatter.after: no such key; did you mean after_s? allowed: after_s, at_most",
        ),
        (
            'load.absences=[{where="the_moon", every_s=20, lasts_s=5}]',
            "absences[0].where: 'the_moon' is not allowed; allowed: laptop_closed, "
            "no_network, other_network, other_page, other_tab, page_closed",
        ),
        (
            'load.absences=[{where="other_page", every_s=0, lasts_s=5}]',
            "absences[0].every_s: expected a number >= 0.1",
        ),
        ('load.absences=[{where="other_page", lasts_s=5}]', "absences[0].every_s: is missing"),
    ],
)
def test_a_mistake_in_what_people_do_is_one_line(sets: str, expected: str) -> None:
    assert error_of(sets) == expected


def with_rooms(*sizes: int, users: int) -> Load:
    return Load(users=users, spawn_rate=1, rooms=sizes)


def test_rooms_are_filled_to_their_sizes_and_gone_through_again() -> None:
    assert with_rooms(200, 50, 50, users=300).room_sizes == (200, 50, 50)
    assert with_rooms(200, 50, users=470).room_sizes == (200, 50, 200, 20)
    assert with_rooms(200, 50, users=120).room_sizes == (120,)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(1, 400))
def test_everybody_sits_in_one_room(sizes: list[int], users: int) -> None:
    filled = with_rooms(*sizes, users=users).room_sizes

    assert sum(filled) == users
    assert all(0 < got <= sizes[k % len(sizes)] for k, got in enumerate(filled))


def test_a_scenario_with_rooms_of_different_sizes_reads_back_and_counts_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "rooms.toml"
    text = to_toml(load_scenario("steady"))
    path.write_text(text.replace("room_size = 25", "rooms = [30, 10]"), encoding="utf-8")

    scenario = load_scenario(str(path))

    assert scenario.rooms == 3
    assert [member.room for member in population(scenario)] == [1] * 30 + [2] * 10 + [3] * 10
    assert scenario_from(tomllib.loads(to_toml(scenario)), where="again") == scenario


def test_a_room_that_is_too_small_for_the_rate_is_found_among_the_rooms(tmp_path: Path) -> None:
    path = tmp_path / "rooms.toml"
    text = to_toml(load_scenario("steady"))
    path.write_text(text.replace("room_size = 25", "rooms = [40, 1]"), encoding="utf-8")

    with pytest.raises(UsageError, match="2 is too much for a room of 1, whose"):
        load_scenario(str(path))


def test_two_ways_to_size_rooms_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "both.toml"
    text = to_toml(load_scenario("steady"))
    path.write_text(text.replace("room_size = 25", "room_size = 25\nrooms = [9]"), encoding="utf-8")

    with pytest.raises(UsageError, match="rooms: room_size is given too; one of the two"):
        load_scenario(str(path))


def test_setting_one_way_to_size_rooms_takes_the_place_of_the_other() -> None:
    assert load_scenario("steady", sets=("load.rooms=[30, 20]",)).load.room_sizes == (30, 20)
    sets = ("load.rooms=[30, 20]", "load.room_size=40")
    assert load_scenario("steady", sets=sets).load.room_sizes == (40, 10)
