"""Who sends what when."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.runsettings import PlannedSend
from harness.wire.api import UUID_PATTERN
from scenarios.model import Scenario, load_scenario
from scenarios.population import population
from scenarios.turns import SEND_MARGIN_S
from scenarios.workload import client_msg_id, plan, plan_of
from tests.support.webinar import MIX, webinar

SEEDS = st.integers(0, 2**53)
PEOPLE_OF_ALL_KINDS = tuple(f"load.people.{name}={value}" for name, value in MIX.items())


def crowded(seed: int, users: int, rate: float, arrivals: str = "poisson") -> Scenario:
    """Rooms of at most five, so that people often have just written."""
    sets = (f"load.messages_per_s_per_room={rate}", "load.room_size=5", f"load.arrivals={arrivals}")
    return load_scenario("steady", users=users, seed=seed, sets=sets)


def without_ids(sends: tuple[PlannedSend, ...]) -> list[PlannedSend]:
    return [msgspec.structs.replace(send, client_msg_id="") for send in sends]


@settings(max_examples=5)
@given(SEEDS)
def test_the_same_scenario_and_seed_give_the_same_plan(seed: int) -> None:
    world = load_scenario("ws-blocked", seed=seed)

    encode = msgspec.json.encode
    assert encode(plan(world, run_id="a")) == encode(plan(world, run_id="a"))


def test_another_run_differs_in_the_message_ids_alone() -> None:
    world = load_scenario("ws-blocked")
    first, second = plan(world, run_id="a"), plan(world, run_id="b")

    assert without_ids(first) == without_ids(second)
    assert not {s.client_msg_id for s in first} & {s.client_msg_id for s in second}


def test_another_seed_gives_another_plan() -> None:
    first = plan(load_scenario("steady", seed=1), run_id="a")
    second = plan(load_scenario("steady", seed=2), run_id="a")

    assert without_ids(first) != without_ids(second)


@settings(max_examples=20)
@given(SEEDS, st.integers(1, 23), st.floats(0.2, 1.0), st.sampled_from(["poisson", "constant"]))
def test_a_plan_keeps_the_rules(seed: int, users: int, rate: float, kind: str) -> None:
    world = crowded(seed, users, rate, kind)
    sends = plan(world, run_id="a")
    members = population(world)

    assert [send.at_s for send in sends] == sorted(send.at_s for send in sends)
    assert all(send.at_s >= 0 for send in sends)
    assert all(send.room == members[send.user].room for send in sends)
    assert all(UUID_PATTERN.match(send.client_msg_id) for send in sends)
    assert len({send.client_msg_id for send in sends}) == len(sends)
    for user, own in plan_of(sends, range(users)).items():
        pause_s = members[user].cohort.policy.send_disabled_s + SEND_MARGIN_S
        assert [send.number for send in own] == list(range(len(own)))
        assert all(b.at_s - a.at_s >= pause_s - 1e-9 for a, b in pairwise(own))


def test_a_room_that_has_just_written_waits_and_the_sends_stay_apart() -> None:
    sends = plan(crowded(seed=1, users=1, rate=1.0), run_id="a")

    assert len(sends) > 5
    assert all(b.at_s - a.at_s >= 1.0 + SEND_MARGIN_S - 1e-9 for a, b in pairwise(sends))


def test_no_wanted_send_is_dropped_where_a_room_cannot_write_them_all() -> None:
    """One person, who may write every 1.25 s, and three wants in the last second."""
    sets = ("load.recorded_s=[0.0, 19.1, 19.2, 19.3]", "load.arrivals=recorded", "duration_s=29")
    world = load_scenario("steady", users=1, sets=(*sets, "load.spawn_rate=1"))

    moments = [send.at_s for send in plan(world, run_id="a")]

    assert world.load_s == 20
    assert moments == pytest.approx([0.0, 19.1, 20.35, 21.6])


def test_one_more_room_moves_nothing_in_the_others() -> None:
    few = load_scenario("steady", users=50, duration_s=30)
    many = load_scenario("steady", users=75, duration_s=30)
    assert few.load_s == many.load_s

    rooms = [send for send in plan(many, run_id="a") if send.room <= 2]

    assert rooms == list(plan(few, run_id="a"))


def test_rooms_with_constant_arrivals_are_not_in_step() -> None:
    world = load_scenario("steady", sets=("load.arrivals=constant",))
    first = {send.room: send.at_s for send in reversed(plan(world, run_id="a"))}

    assert first[1] != first[2]


# -- reactions to failures ------------------------------------------------------------------


def test_nobody_sends_again_unless_the_scenario_says_so() -> None:
    assert {send.retry_after_s for send in plan(webinar(), run_id="a")} == {()}


def test_who_sends_a_failed_message_again_and_how_often_is_said_by_persona() -> None:
    sets = (
        "load.retries.chatter={after_s=6, at_most=3}",
        "load.retries.all={after_s=2}",
    )
    scenario = load_scenario("steady", users=50, sets=(*PEOPLE_OF_ALL_KINDS, *sets))
    members = population(scenario)

    for send in plan(scenario, run_id="a"):
        waits_s = send.retry_after_s
        if send.second_click:
            assert waits_s == ()
        elif members[send.user].persona.name == "chatter":
            assert len(waits_s) == 3
            assert all(3 <= wait_s <= 9 for wait_s in waits_s)
        else:
            (wait_s,) = waits_s
            assert 1 <= wait_s <= 3


def test_reactions_to_failures_move_nothing_of_the_plan_and_are_the_same_in_every_run() -> None:
    sets = ("load.retries.all={at_most=2}",)
    patient, calm = load_scenario("steady", sets=sets), load_scenario("steady")
    planned = plan(patient, run_id="a")

    assert [s.retry_after_s for s in planned] == [
        s.retry_after_s for s in plan(patient, run_id="b")
    ]
    assert len({s.retry_after_s for s in planned}) == len(planned)
    bare = tuple(msgspec.structs.replace(send, retry_after_s=()) for send in planned)
    assert bare == plan(calm, run_id="a")


def test_plan_of_gives_an_empty_plan_to_somebody_who_never_writes() -> None:
    sends = plan(load_scenario("steady"), run_id="a")
    writer = sends[0].user

    own = plan_of(sends, (writer, 10_000))

    assert own[10_000] == ()
    assert own[writer] == tuple(send for send in sends if send.user == writer)
    assert set(own) == {writer, 10_000}


def test_a_message_id_is_a_uuid_of_version_8_that_never_changes() -> None:
    first = client_msg_id("run", 1, 2, 3)

    assert first == client_msg_id("run", 1, 2, 3)
    assert UUID_PATTERN.match(first)
    assert first[14] == "8"
    assert first[19] in "89ab"


def test_a_message_id_keeps_its_parts_apart() -> None:
    assert client_msg_id("run1", 1, 2, 3) != client_msg_id("run", 11, 2, 3)
