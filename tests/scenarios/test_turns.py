"""Whose turn it is to write."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from bisect import bisect_left
from collections import Counter, defaultdict
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.client.browser import BROWSERS
from harness.runsettings import PlannedSend
from harness.seeds import child_seed
from scenarios.chatlines import REACTIONS, chat_lines
from scenarios.model import Scenario, load_scenario
from scenarios.people import acts, life_of
from scenarios.population import population, rooms
from scenarios.turns import SECOND_CLICK_S, SEND_MARGIN_S, turns, typing_s
from scenarios.workload import plan, plan_of
from tests.support.webinar import webinar

SEEDS = st.integers(0, 2**53)

BOTH_PLANS = """
import hashlib, msgspec
from scenarios.people import acts
from scenarios.workload import plan
from tests.support.webinar import webinar
scenario = webinar(seed=11)
whole = [*plan(scenario, run_id="a"), *acts(scenario)]
print(hashlib.sha256(msgspec.json.encode(whole)).hexdigest())
"""


def sends_by_persona(scenario: Scenario) -> dict[str, list[PlannedSend]]:
    found: dict[str, list[PlannedSend]] = defaultdict(list)
    members = population(scenario)
    for send in plan(scenario, run_id="a"):
        found[members[send.user].persona.name].append(send)
    return found


@settings(max_examples=5)
@given(SEEDS)
def test_the_same_scenario_and_seed_give_the_same_plan_and_acts(seed: int) -> None:
    encode = msgspec.json.encode
    one, other = webinar(seed=seed), webinar(seed=seed)

    assert encode(plan(one, run_id="a")) == encode(plan(other, run_id="a"))
    assert encode(acts(one)) == encode(acts(other))


@pytest.mark.e2e
def test_other_processes_with_other_hashes_plan_the_same() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", BOTH_PLANS],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    }
    scenario = webinar(seed=11)
    here = msgspec.json.encode([*plan(scenario, run_id="a"), *acts(scenario)])

    assert digests == {hashlib.sha256(here).hexdigest()}


@settings(max_examples=5)
@given(SEEDS)
def test_a_room_s_turns_do_not_depend_on_the_rooms_planned_before(seed: int) -> None:
    scenario = webinar(seed=seed)
    lines = chat_lines(1)
    by_room = rooms(population(scenario))

    def dealt(order: list[int]) -> dict[int, list[object]]:
        return {room: list(turns(scenario, room, by_room[room], lines)) for room in order}

    assert dealt([1, 2]) == dealt([2, 1])


@settings(max_examples=10)
@given(SEEDS, st.sampled_from([0.5, 2.0, 10.0]))
def test_nobody_who_is_away_is_planned_to_write_where_somebody_is_there(
    seed: int, rate: float
) -> None:
    """The moderator is always there, so the sends of a room that cannot write so much wait."""
    scenario = webinar(seed=seed, rate=rate)
    members = population(scenario)
    sends = [send for send in plan(scenario, run_id="a") if not send.second_click]

    away = [s for s in sends if not life_of(scenario, members[s.user]).is_there(s.at_s, s.at_s)]

    assert away == []


def test_a_wanted_message_of_a_room_without_anybody_there_is_planned_all_the_same() -> None:
    """Everybody comes late: what is wanted before falls to people who cannot write it."""
    scenario = webinar()
    load = msgspec.structs.replace(scenario.load, people={"late-comer": 1.0})
    alone = msgspec.structs.replace(scenario, load=load)

    early = [send for send in plan(alone, run_id="a") if send.at_s < 0.1 * alone.load_s]

    assert len(early) > 5


def test_only_those_whose_tab_is_in_front_write() -> None:
    base = load_scenario("steady")
    (chrome,) = base.cohorts
    front = msgspec.structs.replace(chrome, share=0.5)
    behind = msgspec.structs.replace(
        chrome, name="behind", share=0.5, browser=BROWSERS["chrome-hidden"]
    )
    scenario = msgspec.structs.replace(base, cohorts=(front, behind))
    cohorts = {member.user: member.cohort.name for member in population(scenario)}

    sends = plan(scenario, run_id="r")

    assert len(sends) > 20
    assert {cohorts[send.user] for send in sends} == {"chrome"}


def test_who_double_clicks_clicks_twice_within_100_ms_on_the_same_text() -> None:
    sends = sends_by_persona(webinar())
    clicks = sorted(sends["double-clicker"], key=lambda send: (send.user, send.number))

    assert len(clicks) > 10
    for one, other in zip(clicks[::2], clicks[1::2], strict=True):
        assert not one.second_click
        assert other.second_click
        assert SECOND_CLICK_S[0] <= other.at_s - one.at_s <= SECOND_CLICK_S[1] < 0.1
        assert other.body == one.body
        assert other.client_msg_id != one.client_msg_id
    others = [send for name, own in sends.items() if name != "double-clicker" for send in own]
    assert not any(send.second_click for send in others)


def test_the_room_answers_the_presenter_within_seconds() -> None:
    scenario = webinar(users=25, duration_s=300, rate=0.5)
    sends = sends_by_persona(scenario)
    spoken_s = [send.at_s for send in sends["presenter"]]
    only_answers = set(REACTIONS) - set(chat_lines(child_seed(1, "workload", "lines")))
    answers = [s for own in sends.values() for s in own if s.body in only_answers]
    assert len(spoken_s) > 5
    assert len(answers) > len(spoken_s)

    for answer in answers:
        before = bisect_left(spoken_s, answer.at_s)
        assert before > 0
        assert answer.at_s - spoken_s[before - 1] < 40
    assert not any(answer in sends["presenter"] for answer in answers)


def test_people_write_as_their_persona_says() -> None:
    scenario = webinar(users=100, duration_s=600, rate=0.3)
    people = Counter(member.persona.name for member in population(scenario))
    each = {name: len(own) / people[name] for name, own in sends_by_persona(scenario).items()}

    assert each["chatter"] > 10 * each["lurker"] > 0
    assert each["double-clicker"] > 1.5 * each["chatter"]
    assert each["presenter"] > 1.5 * each["leaver"]


@settings(max_examples=10)
@given(SEEDS)
def test_nobody_writes_again_before_their_pause_is_over(seed: int) -> None:
    scenario = webinar(seed=seed)
    members = population(scenario)
    clicks = tuple(send for send in plan(scenario, run_id="a") if not send.second_click)

    for user, own in plan_of(clicks, range(len(members))).items():
        member = members[user]
        pause_s = max(member.cohort.policy.send_disabled_s + SEND_MARGIN_S, member.persona.pause_s)
        assert all(b.at_s - a.at_s >= pause_s - 1e-9 for a, b in pairwise(own))


def test_in_a_calm_room_everybody_has_the_time_to_type() -> None:
    scenario = webinar(users=100, duration_s=300, rate=0.1)
    members = population(scenario)
    clicks = tuple(send for send in plan(scenario, run_id="a") if not send.second_click)
    assert len(clicks) > 200

    for user, own in plan_of(clicks, range(len(members))).items():
        persona = members[user].persona
        assert all(b.at_s - a.at_s >= typing_s(persona, b.body) for a, b in pairwise(own))
