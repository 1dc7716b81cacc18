"""Who sits where."""

from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from scenarios.cohorts import Cohort
from scenarios.model import Scenario, load_scenario
from scenarios.population import FIRST_ROOM, population, rooms


def scenario(users: int, room_size: int, weights: list[int]) -> Scenario:
    """The steady scenario with this population; shares follow the weights."""
    base = load_scenario("steady")
    policy = base.cohorts[0].policy
    cohorts = tuple(
        Cohort(name=f"c{number}", share=weight / sum(weights), policy=policy)
        for number, weight in enumerate(weights)
    )
    load = msgspec.structs.replace(base.load, users=users, room_size=room_size)
    return msgspec.structs.replace(base, load=load, cohorts=cohorts)


USERS = st.integers(1, 300)
ROOM_SIZES = st.integers(1, 60)
WEIGHTS = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@given(USERS, ROOM_SIZES, WEIGHTS)
def test_rooms_are_filled_one_after_another(users: int, size: int, weights: list[int]) -> None:
    members = population(scenario(users, size, weights))

    assert [member.user for member in members] == list(range(users))
    assert [member.room for member in members] == sorted(member.room for member in members)
    sizes = [len(present) for present in rooms(members).values()]
    assert set(sizes[:-1]) <= {size}
    assert 1 <= sizes[-1] <= size
    assert min(rooms(members)) == FIRST_ROOM


@given(USERS, ROOM_SIZES, WEIGHTS)
def test_no_cohort_is_ever_a_whole_user_ahead_of_its_share(
    users: int, size: int, weights: list[int]
) -> None:
    world = scenario(users, size, weights)
    shares = {cohort.name: cohort.share for cohort in world.cohorts}
    started: Counter[str] = Counter()

    for member in population(world):
        started[member.cohort.name] += 1
        for name, count in started.items():
            assert count - shares[name] * started.total() < 1


@given(USERS, st.integers(1, 9), st.integers(1, 9))
def test_of_two_cohorts_each_has_its_share_to_the_nearest_users(
    users: int, first: int, second: int
) -> None:
    world = scenario(users, 25, [first, second])
    counts = Counter(member.cohort.name for member in population(world))

    for cohort in world.cohorts:
        assert abs(counts[cohort.name] - cohort.share * users) < 1


@given(USERS, ROOM_SIZES, WEIGHTS)
def test_a_user_s_place_does_not_depend_on_who_comes_after(
    users: int, size: int, weights: list[int]
) -> None:
    more = population(scenario(users + 17, size, weights))

    assert more[:users] == population(scenario(users, size, weights))


def test_each_user_goes_to_the_cohort_furthest_behind_its_share() -> None:
    members = population(scenario(users=10, room_size=10, weights=[3, 7]))

    order = "".join(member.cohort.name[1] for member in members)

    assert order == "1011011101"


def test_every_room_of_the_slow_send_scenario_has_both_cohorts_in_their_shares() -> None:
    members = population(load_scenario("slow-send", users=100, duration_s=59))

    for present in rooms(members).values():
        slow = sum(member.cohort.name == "slow" for member in present)
        assert slow in (7, 8)
