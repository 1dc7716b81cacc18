from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.faults.server.switches import Switches, Turned, clash, composed, difference

BASE = Switches(knobs={"plan": "off", "slow_commit_s": 1.0}, defects=frozenset(("event-lost",)))


def turned(*defects: str, knobs: Mapping[str, Any] | None = None) -> Turned:
    return Turned(knobs=dict(knobs or {}), defects=frozenset(defects))


def test_what_is_turned_comes_on_top_of_the_base_and_leaves_the_rest() -> None:
    assert composed(BASE, [turned("mute"), turned(knobs={"plan": "free"})]) == Switches(
        knobs={"plan": "free", "slow_commit_s": 1.0}, defects=frozenset(("event-lost", "mute"))
    )


def test_nothing_turned_is_the_base() -> None:
    assert composed(BASE, []) == BASE


_TURNS = st.builds(
    lambda defects, s: turned(*defects, knobs=s),
    st.sets(st.sampled_from(["slow-commit", "hang-poll", "stale-update", "event-twice"])),
    st.dictionaries(
        st.sampled_from(["slow_commit_s", "cold_start_s"]), st.sampled_from([2.0, 3.0])
    ),
)


@given(st.lists(_TURNS, max_size=4), st.randoms())
def test_turns_that_go_together_give_the_same_in_any_order(turns: list[Turned], rng: Any) -> None:
    pairs = [(a, b) for i, a in enumerate(turns) for b in turns[i + 1 :]]
    if any(clash("a", a, "b", b) for a, b in pairs):
        return
    shuffled = list(turns)
    rng.shuffle(shuffled)
    assert composed(BASE, turns) == composed(BASE, shuffled)
    assert all(each.held_by(composed(BASE, turns)) for each in turns)


def test_what_differs_is_named() -> None:
    found = Switches(knobs={"plan": "pro", "slow_commit_s": 1}, defects=frozenset(("mute",)))
    assert difference(BASE, found) == (
        "plan is 'pro' and not 'off', event-lost is not planted, mute is planted"
    )
    assert difference(BASE, BASE) == ""


@pytest.mark.parametrize(
    "switches",
    [
        Switches(knobs={"plan": "off"}, defects=frozenset(("mute",))),
        Switches(knobs={"plan": "free"}, defects=frozenset()),
        Switches(knobs={}, defects=frozenset(("mute",))),
    ],
)
def test_half_of_what_was_turned_is_not_held(switches: Switches) -> None:
    assert not turned("mute", knobs={"plan": "free"}).held_by(switches)


def test_a_hiding_within_one_fault_is_its_own_matter() -> None:
    assert clash("a", turned("mute", "event-twice"), "b", turned("slow-commit")) == ""
