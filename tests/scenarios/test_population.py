"""Who sits where."""

from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from scenarios.cohorts import Cohort
from scenarios.model import Scenario, load_scenario
from scenarios.personas import PARTICIPANT
from scenarios.population import FIRST_ROOM, Member, population, rooms


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


def cast(users: int, cohorts: list[int], people: dict[str, float], *, size: int = 25) -> Scenario:
    base = scenario(users, size, cohorts)
    return msgspec.structs.replace(base, load=msgspec.structs.replace(base.load, people=people))


KINDS = ("chatter", "lurker", "leaver", "late-comer")
SHARES = st.lists(st.integers(1, 9), min_size=1, max_size=4)


def shares_of(weights: list[int]) -> dict[str, float]:
    return {name: w / sum(weights) for name, w in zip(KINDS, weights, strict=False)}


def test_where_nothing_is_said_everybody_is_a_participant() -> None:
    members = population(load_scenario("steady"))

    assert {member.persona for member in members} == {PARTICIPANT}


@given(USERS, SHARES)
def test_each_room_has_its_presenter_and_moderators_first(users: int, weights: list[int]) -> None:
    people = shares_of(weights) | {"presenter": 1, "moderator": 2}
    members = population(cast(users, [1], people))

    for present in rooms(members).values():
        names = [member.persona.name for member in present]
        assert names[:3] == ["presenter", "moderator", "moderator"][: len(names)]
        assert not {"presenter", "moderator"} & set(names[3:])


@given(st.integers(50, 300), SHARES, WEIGHTS)
def test_personas_keep_their_shares_in_every_room_and_in_every_cohort(
    users: int, weights: list[int], cohorts: list[int]
) -> None:
    """Within three people; shares that repeat in the rhythm of the cohorts' shares included."""
    people = shares_of(weights)
    members = population(cast(users, cohorts, people))
    groups: dict[str, list[Member]] = {}
    for member in members:
        groups.setdefault(f"room {member.room}", []).append(member)
        groups.setdefault(f"cohort {member.cohort.name}", []).append(member)

    for group in groups.values():
        counts = Counter(member.persona.name for member in group)
        for name, share in people.items():
            assert abs(counts[name] - share * len(group)) < 3


def test_two_cohorts_and_two_personas_in_equal_shares_are_mixed() -> None:
    members = population(cast(8, [1, 1], {"chatter": 0.5, "lurker": 0.5}))

    pairs = Counter((member.cohort.name, member.persona.name) for member in members)

    assert set(pairs.values()) == {2}
