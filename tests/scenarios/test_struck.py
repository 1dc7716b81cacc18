"""What faults in the browser make of people's plans."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from typing import Any, cast, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.client.browser import CHROME
from harness.drivers.person import Person
from harness.runsettings import MoveKind, PlannedAct
from scenarios.model import Scenario, scenario_from, to_toml
from scenarios.people import acts, life_of
from scenarios.population import drawn_users, population
from tests.support.webinar import MIX

MOVES = get_args(MoveKind)
PLACES = ("offline", "hidden", "asleep", "frozen", "network_switch")
CONDITIONS = ("extension", "post_repeated")


def scenario(*faults: dict[str, Any], people: bool = False, **load: Any) -> Scenario:
    tables: dict[str, Any] = {
        "name": "s",
        "title": {"en": "s", "ko": "s"},
        "description": {"en": "s", "ko": "s"},
        "duration_s": 120,
        "settle_s": 5,
        "warmup_s": 1,
        "recovery_s": 1,
        "load": {"users": 60, "spawn_rate": 60, "room_size": 30, "messages_per_s_per_room": 1},
        "cohorts": [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5}],
        "faults": faults,
    }
    tables["load"] |= load | ({"people": dict(MIX)} if people else {})
    return scenario_from(tables, where="s.toml")


def lid(**keys: Any) -> dict[str, Any]:
    return {"name": "lid", "kind": "asleep", "at_s": 40, "for_s": 20, **keys}


def of_faults(planned: tuple[PlannedAct, ...]) -> list[tuple[float, str, str]]:
    return [(one.at_s, one.act, one.fault) for one in planned if one.fault]


def hit(one: Scenario) -> set[int]:
    return {act.user for act in acts(one) if act.fault}


@pytest.mark.parametrize(("share", "count"), [(1, 30), (0.5, 15), (0.25, 8), (0.01, 1)])
def test_exactly_the_share_of_each_cohort_is_hit(share: float, count: int) -> None:
    one = scenario(lid(share=share))
    members = population(one)

    for cohort in ("a", "b"):
        assert sum(members[user].cohort.name == cohort for user in hit(one)) == count


def test_only_the_cohort_of_the_fault_is_hit() -> None:
    one = scenario(lid(cohorts=["b"]))
    assert {population(one)[user].cohort.name for user in hit(one)} == {"b"}


def test_the_seed_and_the_fault_s_name_pick_the_users_and_a_repeat_picks_the_same() -> None:
    lids = [
        lid(share=0.5),
        lid(share=0.5, name="lid#2", at_s=70),
        lid(share=0.5, name="x", at_s=92),
    ]
    first = scenario(*lids)
    drawn = drawn_users(first.faults, population(first), seed=1)

    assert drawn["lid"] == drawn["lid#2"]
    assert drawn["lid"] != drawn["x"]
    assert drawn_users(first.faults, population(first), seed=2)["lid"] != drawn["lid"]


def test_a_fault_begins_and_ends_at_its_own_times() -> None:
    one = scenario(
        lid(), {"name": "ext", "kind": "extension", "at_s": 10, "for_s": 60, "after_s": 5}
    )
    for member in population(one):
        assert of_faults(life_of(one, member).acts) == [
            (10.0, "block_sockets", "ext"),
            (15.0, "cut_sockets", "ext"),
            (40.0, "close_lid", "lid"),
            (60.0, "open_lid", "lid"),
            (70.0, "unblock_sockets", "ext"),
        ]


@pytest.mark.parametrize(
    ("kind", "there"), [("asleep", False), ("offline", True), ("extension", True)]
)
def test_nobody_writes_whom_a_fault_keeps_from_the_button(kind: str, there: bool) -> None:
    one = scenario(lid(kind=kind))
    for member in population(one):
        life = life_of(one, member)
        assert life.is_there(30, 39)
        assert life.is_there(50, 50) == there
        assert life.is_there(61, 70)


def test_two_faults_may_follow_one_another_at_once() -> None:
    one = scenario(lid(), {"name": "tab", "kind": "hidden", "at_s": 60, "for_s": 10})
    (first, *_) = population(one)
    assert [act for _, act, _ in of_faults(life_of(one, first).acts)] == [
        *("close_lid", "open_lid", "hide", "show")
    ]


def test_a_tab_that_is_always_hidden_is_so_before_and_after_a_fault() -> None:
    one = scenario(lid())
    hidden = msgspec.structs.replace(CHROME, hidden_after_s=0.0)
    cohorts = tuple(msgspec.structs.replace(c, browser=hidden) for c in one.cohorts)
    one = msgspec.structs.replace(one, cohorts=cohorts)
    (first, *_) = population(one)

    assert [(act.at_s, act.act) for act in life_of(one, first).acts] == [
        (0.0, "hide"),
        (40.0, "show"),
        (40.0, "close_lid"),
        (60.0, "open_lid"),
        (60.0, "hide"),
    ]


def test_a_tab_that_a_fault_hides_is_frozen_where_its_browser_does_that() -> None:
    one = scenario(lid(kind="hidden"))
    freezing = msgspec.structs.replace(CHROME, freezes_after_s=5.0)
    cohorts = tuple(msgspec.structs.replace(c, browser=freezing) for c in one.cohorts)
    one = msgspec.structs.replace(one, cohorts=cohorts)
    (first, *_) = population(one)

    assert [(act.at_s, act.act) for act in life_of(one, first).acts] == [
        (40, "hide"),
        (45, "freeze"),
        (60, "show"),
    ]


FAULTS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from((*PLACES, *CONDITIONS)),
            "share": st.sampled_from((0.2, 0.5, 1)),
            "for_s": st.sampled_from((3, 10)),
        }
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), faults=FAULTS)
def test_a_life_with_faults_makes_sense_whatever_else_its_person_does(
    seed: int, faults: list[dict[str, Any]]
) -> None:
    """Faults one after the other; people come, go, hide, sleep and lose their network beside."""
    tables = [
        {"name": f"f{number}", "at_s": 5 + 15 * number, **keys}
        for number, keys in enumerate(faults)
    ]
    one = msgspec.structs.replace(scenario(*tables, people=True), seed=seed)
    named = {fault.name: fault for fault in one.faults}
    there = 0
    for member in population(one):
        life = life_of(one, member)
        person = Person()
        if not life.acts or life.acts[0].act != "arrive":
            person.does("arrive")
        on: dict[str, int] = {}
        for act in life.acts:
            if act.fault:
                on[act.fault] = on.get(act.fault, 0) + 1
            elif act.act in MOVES:
                # What is their own never falls into a fault that takes them away.
                away = [f for f in named.values() if f in member.faults and f.moves_people]
                assert not any(f.at_s < act.at_s < f.end_s and f.name in on for f in away)
            if act.act in MOVES:
                person.does(cast("MoveKind", act.act))
        assert all(a.at_s <= b.at_s for a, b in pairwise(life.acts))
        assert [act.number for act in life.acts] == list(range(len(life.acts)))
        there += len(on)
    assert there > 0


def test_who_is_not_there_all_the_time_is_not_hit() -> None:
    one = scenario(lid(at_s=1, for_s=112), people=True)
    members = population(one)
    late = {m.user for m in members if m.persona.name in ("late-comer", "leaver")}

    assert late
    assert not late & hit(one)
    assert hit(one) == {member.user for member in members} - late


def test_a_scenario_with_faults_in_browsers_reads_back_as_itself() -> None:
    blocks = {"name": "e", "kind": "extension", "at_s": 1, "for_s": 9, "mode": "blocks"}
    one = scenario(lid(share=0.5), blocks)

    assert scenario_from(tomllib.loads(to_toml(one)), where="s.toml") == one
