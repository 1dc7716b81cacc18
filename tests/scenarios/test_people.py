"""What people do but writing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from random import Random
from typing import cast, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.client.browser import CHROME
from harness.drivers.person import Person
from harness.runsettings import MoveKind, PlannedAct
from scenarios.model import Scenario, load_scenario
from scenarios.people import acts, life_of
from scenarios.population import population
from tests.support.webinar import MIX, webinar

MOVES = get_args(MoveKind)
SEEDS = st.integers(0, 2**53)
PEOPLE_OF_ALL_KINDS = tuple(f"load.people.{name}={value}" for name, value in MIX.items())


def by_user(scenario: Scenario) -> dict[int, list[PlannedAct]]:
    own: dict[int, list[PlannedAct]] = defaultdict(list)
    for act in acts(scenario):
        own[act.user].append(act)
    return own


def moves(planned: Iterable[PlannedAct]) -> list[tuple[float, MoveKind]]:
    """The acts that take a person somewhere, with their moments."""
    return [(one.at_s, cast("MoveKind", one.act)) for one in planned if one.act in MOVES]


@pytest.mark.parametrize("name", ["steady", "ws-blocked"])
def test_where_a_scenario_says_nothing_about_its_people_they_stay(name: str) -> None:
    assert acts(load_scenario(name)) == ()


@settings(max_examples=20)
@given(SEEDS)
def test_everybody_s_acts_make_sense_one_after_the_other(seed: int) -> None:
    scenario = webinar(seed=seed)

    for own in by_user(scenario).values():
        person = Person()
        if own[0].act != "arrive":
            person.does("arrive")
        for _, move in moves(own):
            person.does(move)
        assert [act.number for act in own] == list(range(len(own)))
        assert all(a.at_s <= b.at_s for a, b in pairwise(own))
        assert all(0 < act.at_s < scenario.load_s for act in own)


@settings(max_examples=20)
@given(SEEDS)
def test_all_but_those_who_left_are_reading_when_the_load_ends(seed: int) -> None:
    scenario = webinar(seed=seed)
    members = population(scenario)

    for user, own in by_user(scenario).items():
        if not moves(own):
            continue
        _, last = moves(own)[-1]
        if last == "leave":
            assert members[user].persona.name == "leaver"
        else:
            assert last in ("arrive", "show", "go_online", "open_lid", "come_back")


BUSY = {"sleeps_every_s": 20, "sleeps_for_s": 3, "switches_every_s": 15, "switch_takes_s": 1}
BROWSER_CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "hidden_after_s": st.sampled_from((0.0, 5.0, 40.0)),
        "hidden_for_s": st.sampled_from((1.0, 20.0)),
        **{field: st.just(float(value)) for field, value in BUSY.items()},
    },
)


def in_browser(scenario: Scenario, **changes: float) -> Scenario:
    """The same people, in a Chrome that is changed so."""
    cohorts = [
        msgspec.structs.replace(cohort, browser=msgspec.structs.replace(CHROME, **changes))
        for cohort in scenario.cohorts
    ]
    return msgspec.structs.replace(scenario, cohorts=tuple(cohorts))


@settings(max_examples=30)
@given(SEEDS, BROWSER_CHANGES)
def test_what_a_browser_adds_makes_sense_with_what_its_person_does(
    seed: int, changes: dict[str, float]
) -> None:
    scenario = in_browser(webinar(seed=seed), **changes)

    for own in by_user(scenario).values():
        person = Person()
        if own[0].act != "arrive":
            person.does("arrive")
        for _, move in moves(own):
            person.does(move)
        assert all(0 <= act.at_s < scenario.load_s for act in own)
        assert all(a.at_s <= b.at_s for a, b in pairwise(own))


def test_a_tab_that_is_hidden_from_the_start_stays_so_and_its_person_never_writes() -> None:
    scenario = in_browser(load_scenario("steady"), hidden_after_s=0.0)

    for user, own in by_user(scenario).items():
        assert [(act.at_s, act.act) for act in own] == [(0.0, "hide")]
        life = life_of(scenario, population(scenario)[user])
        assert not life.is_there(0.0, 0.0)
        assert not life.is_there(scenario.load_s, scenario.load_s)


def test_a_tab_may_come_to_the_front_again() -> None:
    scenario = in_browser(load_scenario("steady"), hidden_after_s=2.0, hidden_for_s=3.0)

    assert {tuple((act.at_s, act.act) for act in own) for own in by_user(scenario).values()} == {
        ((2.0, "hide"), (5.0, "show"))
    }


def test_a_phone_sleeps_and_changes_its_network() -> None:
    scenario = in_browser(load_scenario("steady", duration_s=120), **BUSY)

    kinds = {act.act for act in acts(scenario)}
    assert kinds == {"close_lid", "open_lid", "go_offline", "switch_network"}
    assert len(by_user(scenario)) == scenario.load.users


def test_a_person_s_own_acts_are_the_same_in_another_browser() -> None:
    """But for those that fall into the time in which the device is away."""
    here, there = by_user(webinar(users=200)), by_user(in_browser(webinar(users=200), **BUSY))
    own = {"hide", "show", "leave", "come_back", "arrive"}

    for user, mine in here.items():
        assert [act.at_s for act in mine if act.act in own] == [
            act.at_s for act in there[user] if act.act in own
        ]


def test_late_comers_come_late_and_leavers_leave() -> None:
    scenario = webinar()
    own = by_user(scenario)

    for member in population(scenario):
        kinds = [act.act for act in own.get(member.user, [])]
        assert (kinds[:1] == ["arrive"]) == (member.persona.name == "late-comer")
        assert (kinds[-1:] == ["leave"]) == (member.persona.name == "leaver")


def test_the_many_do_all_that_people_do() -> None:
    assert {act.act for act in acts(webinar(users=400, duration_s=400))} == {
        "arrive",
        "hide",
        "show",
        "go_offline",
        "go_online",
        "close_lid",
        "open_lid",
        "leave",
        "come_back",
        "hide_message",
        "delete_message",
    }


def test_only_moderators_moderate_and_never_while_they_are_away() -> None:
    scenario = webinar(users=200, duration_s=200)
    members = population(scenario)
    found = [one for one in acts(scenario) if one.act in ("hide_message", "delete_message")]

    assert {members[one.user].persona.name for one in found} == {"moderator"}
    assert all(life_of(scenario, members[one.user]).is_there(one.at_s, one.at_s) for one in found)
    deleted = sum(one.act == "delete_message" for one in found)
    assert 0.1 < deleted / len(found) < 0.4


@settings(max_examples=10)
@given(SEEDS, st.randoms(use_true_random=False))
def test_a_life_does_not_depend_on_whose_was_planned_before(seed: int, order: Random) -> None:
    scenario = webinar(seed=seed)
    members = list(population(scenario))
    forth = {member.user: life_of(scenario, member) for member in members}
    order.shuffle(members)

    assert {member.user: life_of(scenario, member) for member in members} == forth


def test_more_users_of_the_same_rooms_leave_the_first_ones_acts_as_they_are() -> None:
    few = by_user(webinar(users=50))
    many = by_user(webinar(users=100))

    assert few == {user: own for user, own in many.items() if user < 50}


def test_away_is_what_the_acts_say_but_for_a_lost_network() -> None:
    scenario = webinar(users=200)
    for member in population(scenario):
        life = life_of(scenario, member)
        person = Person()
        if not life.acts or life.acts[0].act != "arrive":
            person.does("arrive")
        for (at_s, move), (end_s, _) in pairwise((*moves(life.acts), (scenario.load_s, "show"))):
            person.does(move)
            middle_s = (at_s + end_s) / 2
            assert life.is_there(middle_s, middle_s) == (person.why_not is None)


def test_an_act_is_a_line_of_json_that_reads_back() -> None:
    one = acts(webinar())[0]

    assert msgspec.json.decode(msgspec.json.encode(one), type=PlannedAct) == one


# -- what a scenario adds, and what the browser does to a tab in the background --------------

OTHER_PAGE = 'load.absences=[{where="other_page", every_s=10, lasts_s=4}]'


def test_a_scenario_may_take_people_to_another_page_and_back() -> None:
    scenario = load_scenario("steady", duration_s=120, sets=(OTHER_PAGE,))

    own = by_user(scenario)

    assert len(own) == scenario.load.users
    assert {act.act for ones in own.values() for act in ones} == {"navigate_away", "navigate_back"}
    for user, ones in own.items():
        life = life_of(scenario, population(scenario)[user])
        assert not life.is_there(ones[0].at_s, ones[0].at_s)
        assert ones[-1].act == "navigate_back"


def test_absences_of_some_are_no_one_else_s_and_move_nothing_of_their_own() -> None:
    here = by_user(webinar(users=100))
    sets = 'load.absences=[{where="other_page", every_s=30, lasts_s=2, people=["lurker"]}]'
    scenario = load_scenario("steady", users=100, duration_s=70, sets=(*PEOPLE_OF_ALL_KINDS, sets))
    members = population(scenario)

    for user, ones in by_user(scenario).items():
        if any(act.act == "navigate_away" for act in ones):
            assert members[user].persona.name == "lurker"
        own = [act.at_s for act in here.get(user, []) if act.act in ("hide", "close_lid")]
        assert own == [act.at_s for act in ones if act.act in ("hide", "close_lid")]


def test_a_tab_that_is_hidden_for_long_is_frozen_and_then_discarded() -> None:
    base = {"hidden_after_s": 2.0, "hidden_for_s": 10.0}
    scenario = load_scenario("steady")

    def hidden(**changes: float) -> set[tuple[tuple[float, str], ...]]:
        own = by_user(in_browser(scenario, **base, **changes)).values()
        return {tuple((act.at_s, act.act) for act in ones) for ones in own}

    assert hidden(freezes_after_s=4.0) == {((2.0, "hide"), (6.0, "freeze"), (12.0, "show"))}
    assert hidden(discards_after_s=7.0) == {((2.0, "hide"), (9.0, "discard"), (12.0, "show"))}
    assert hidden(freezes_after_s=4.0, discards_after_s=7.0) == {
        ((2.0, "hide"), (6.0, "freeze"), (9.0, "discard"), (12.0, "show"))
    }
    assert hidden(freezes_after_s=7.0, discards_after_s=4.0) == {
        ((2.0, "hide"), (6.0, "discard"), (12.0, "show"))
    }
    assert hidden(freezes_after_s=10.0) == {((2.0, "hide"), (12.0, "show"))}


def test_a_tab_that_is_never_shown_again_may_be_frozen_until_the_end() -> None:
    scenario = in_browser(load_scenario("steady"), hidden_after_s=0.0, freezes_after_s=5.0)

    for own in by_user(scenario).values():
        assert [act.act for act in own] == ["hide", "freeze"]


@settings(max_examples=20)
@given(SEEDS)
def test_pages_that_come_and_go_make_sense_with_all_else_that_people_do(seed: int) -> None:
    sets = (*PEOPLE_OF_ALL_KINDS, OTHER_PAGE)
    people = load_scenario("steady", seed=seed, users=50, duration_s=120, sets=sets)
    scenario = in_browser(people, freezes_after_s=3.0, discards_after_s=12.0, **BUSY)

    for own in by_user(scenario).values():
        person = Person()
        if own[0].act != "arrive":
            person.does("arrive")
        for _, move in moves(own):
            person.does(move)
        assert all(a.at_s <= b.at_s for a, b in pairwise(own))
