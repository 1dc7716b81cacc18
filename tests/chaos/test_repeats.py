"""When a fault is on: from the keys of its table to its occurrences."""

from __future__ import annotations

from itertools import pairwise
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.faults.parse import parse_faults
from chaos.faults.phases import Phase
from chaos.faults.schedule import ScheduledFault
from chaos.timeline import Action, plan, validate
from harness.errors import UsageError

PHASES = (
    Phase(name="calm", at_s=0, for_s=10),
    Phase(name="storm", at_s=10, for_s=15),
)
LOAD_S = 30.0


def faults(
    *, load_s: float = LOAD_S, seed: int = 1, name: str = "cut", **keys: Any
) -> tuple[ScheduledFault, ...]:
    table = {"name": name, "kind": "reset", "on": "realtime", **keys}
    return parse_faults(
        [table], where="x.toml", cohorts=("chrome",), seed=seed, phases=PHASES, load_s=load_s
    )


def spans(**keys: Any) -> list[tuple[str, float, float]]:
    return [(fault.name, fault.at_s, fault.end_s) for fault in faults(**keys)]


def error_of(**keys: Any) -> str:
    with pytest.raises(UsageError) as caught:
        faults(**keys)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_fault_repeats_as_often_as_it_is_over_before_the_load_ends() -> None:
    assert spans(at_s=5, for_s=3, every_s=11) == [
        ("cut", 5, 8),
        ("cut#2", 16, 19),
        ("cut#3", 27, 30),
    ]
    assert len(spans(at_s=5, for_s=3.1, every_s=11)) == 2
    assert len(spans(at_s=5, for_s=3, every_s=11, load_s=52)) == 5


def test_times_says_how_often_whatever_the_load() -> None:
    assert spans(at_s=5, for_s=3, every_s=11, times=2, load_s=1000) == [
        ("cut", 5, 8),
        ("cut#2", 16, 19),
    ]


def test_rounding_does_not_cost_the_last_occurrence() -> None:
    assert len(spans(at_s=0.1, for_s=0.1, every_s=0.1, load_s=0.3)) == 2


def test_a_time_in_a_phase_counts_from_its_begin() -> None:
    assert spans(phase="storm", at_s=2, for_s=3) == [("cut", 12, 15)]
    assert spans(phase="storm", for_s=3) == [("cut", 10, 13)]


def test_a_fault_of_a_phase_lasts_to_its_end() -> None:
    assert spans(phase="storm") == [("cut", 10, 25)]
    assert spans(phase="storm", at_s=4) == [("cut", 14, 25)]


def test_a_fault_of_a_phase_repeats_until_that_ends() -> None:
    assert spans(phase="storm", at_s=1, for_s=2, every_s=5) == [
        ("cut", 11, 13),
        ("cut#2", 16, 18),
        ("cut#3", 21, 23),
    ]


def test_jitter_moves_each_begin_and_no_length() -> None:
    moved = faults(at_s=5, for_s=3, every_s=11, jitter_s=2)
    assert [fault.for_s for fault in moved] == [3, 3, 3]
    off_s = [fault.at_s - (5 + 11 * index) for index, fault in enumerate(moved)]
    assert len(set(off_s)) == 3
    assert all(-2 <= each <= 2 for each in off_s)


def test_another_seed_draws_other_moments() -> None:
    drawn = {faults(at_s=10, for_s=3, jitter_s=5, seed=seed)[0].at_s for seed in range(20)}
    assert len(drawn) > 15


def test_jitter_spreads_over_what_is_allowed_instead_of_piling_up_at_its_edge() -> None:
    begins = [faults(at_s=0, for_s=3, jitter_s=5, seed=seed)[0].at_s for seed in range(50)]
    assert begins.count(0) < 3
    last = [faults(at_s=27, for_s=3, jitter_s=5, seed=seed)[0].end_s for seed in range(50)]
    assert max(last) <= LOAD_S
    assert last.count(LOAD_S) < 3


_ms = st.integers(0, 40_000).map(lambda ms: ms / 1000)
_keys = st.fixed_dictionaries(
    {"at_s": _ms, "for_s": _ms.filter(bool)},
    optional={
        "every_s": _ms.filter(bool),
        "times": st.integers(1, 30),
        "jitter_s": _ms,
        "phase": st.sampled_from(["calm", "storm"]),
    },
)


@settings(deadline=None)
@given(keys=_keys, seed=st.integers(0, 2**53), load_s=st.floats(25, 100))
def test_what_is_not_refused_begins_and_ends_once_each_time_in_order_and_within_the_load(
    keys: dict[str, Any], seed: int, load_s: float
) -> None:
    try:
        found = faults(**keys, seed=seed, load_s=load_s)
        validate(found, where="x.toml", load_s=load_s)
    except UsageError:
        return
    begin_s, end_s = 0.0, load_s
    for phase in PHASES:
        if phase.name == keys.get("phase"):
            begin_s, end_s = phase.at_s, phase.end_s
    names = ["cut", *(f"cut#{number}" for number in range(2, len(found) + 1))]
    assert [fault.name for fault in found] == names
    assert all(begin_s <= fault.at_s and fault.end_s <= end_s + 1e-6 for fault in found)
    actions = plan(found)
    assert [(action.what, action.fault.name) for action in actions] == [
        (what, name) for name in names for what in ("begin", "end")
    ]
    assert all(before.end_s <= after.at_s for before, after in pairwise(found))
    assert faults(**keys, seed=seed, load_s=load_s) == found


@settings(deadline=None)
@given(load_s=st.floats(10, 60), more_s=st.floats(0, 60))
def test_a_longer_load_only_adds_occurrences(load_s: float, more_s: float) -> None:
    keys: dict[str, Any] = {"at_s": 2, "for_s": 1.5, "every_s": 4}
    short, long = faults(load_s=load_s, **keys), faults(load_s=load_s + more_s, **keys)
    assert long[: len(short)] == short


def test_a_fault_that_does_not_fit_is_left_to_the_timeline_to_refuse() -> None:
    (only,) = faults(at_s=28, for_s=3, every_s=5, jitter_s=1)
    assert only.at_s == 28
    with pytest.raises(UsageError, match="'cut' ends at 31 s, after the load"):
        validate([only], where="x.toml", load_s=LOAD_S)


def test_a_load_that_misses_its_last_digits_still_holds_a_fault_up_to_its_end() -> None:
    validate(faults(at_s=27, for_s=3), where="x.toml", load_s=30 - 1e-9)


def test_the_actions_of_repeats_carry_their_own_toxics() -> None:
    begins = [a for a in plan(faults(at_s=1, for_s=1, every_s=2, times=2)) if a.what == "begin"]
    assert [_toxics(action) for action in begins] == [
        ["cut-upstream", "cut-downstream"],
        ["cut.2-upstream", "cut.2-downstream"],
    ]


def _toxics(action: Action) -> list[str]:
    return [getattr(change, "name", "") for change in action.changes]


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"for_s": 3}, ".at_s: missing; allowed: seconds after the load or its phase begins,"),
        ({"at_s": 3}, ".for_s: missing; allowed: seconds, more than 0, up to 86400"),
        (
            {"at_s": 3, "for_s": 3, "times": 4},
            ".times: has no effect without every_s; give it, or leave it out",
        ),
        (
            {"at_s": 3, "for_s": 3, "every_s": 5, "times": 0},
            ".times: 0 is not allowed; allowed: a whole number from 1 to 200",
        ),
        (
            {"at_s": 3, "for_s": 3, "every_s": -5},
            ".every_s: -5 is not allowed; allowed: seconds from begin to begin, up to 86400",
        ),
        (
            {"at_s": 3, "for_s": 3, "every_s": 2.5},
            ".every_s: 2.5 lets it overlap itself; allowed: 3 (for_s) or more",
        ),
        (
            {"at_s": 3, "for_s": 3, "every_s": 4, "jitter_s": 1},
            ".every_s: 4 lets it overlap itself; allowed: 5 (for_s and two times jitter_s) or more",
        ),
        (
            {"at_s": 0, "for_s": 0.001, "every_s": 0.01, "load_s": 60},
            ".every_s: 0.01 repeats it more than 200 times; allowed: more seconds, or times",
        ),
        (
            {"at_s": 0, "for_s": 1, "every_s": 2, "load_s": inf},
            ".every_s: 2 repeats it more than 200 times; allowed: more seconds, or times",
        ),
        (
            {"at_s": 3, "for_s": 1, "every_s": 4, "name": "cut#2"},
            ".name: 'cut#2': with every_s the numbers come by themselves;"
            " allowed: a name without #",
        ),
        (
            {"at_s": 3, "for_s": 1, "jitter_s": -1},
            ".jitter_s: -1 is not allowed; allowed: seconds, 0 to 86400",
        ),
        (
            {"phase": "strom"},
            ".phase: unknown phase 'strom'; did you mean storm? allowed: calm, storm",
        ),
        (
            {"phase": "storm", "at_s": 15},
            ".at_s: 15 is not within phase 'storm'; allowed: less than 15",
        ),
        (
            {"phase": "storm", "at_s": 10, "for_s": 6},
            ": 'cut' ends 16 s after phase 'storm' begins, which lasts 15 s;"
            " allowed: an end within it",
        ),
        (
            {"phase": "storm", "for_s": 2, "every_s": 5, "times": 4},
            ": 'cut#4' ends 17 s after phase 'storm' begins, which lasts 15 s;"
            " allowed: an end within it",
        ),
        (
            {"phase": "storm", "every_s": 5},
            ".for_s: missing; without it phase 'storm' is filled to its end,"
            " which leaves every_s no room",
        ),
        (
            {"phase": "storm", "jitter_s": 5},
            ".for_s: missing; without it phase 'storm' is filled to its end,"
            " which leaves jitter_s no room",
        ),
        ({"at": 3}, ": unknown key 'at'; did you mean at_s? allowed:"),
    ],
)
def test_bad_times_are_one_line_that_says_what_is_allowed(keys: dict[str, Any], line: str) -> None:
    assert error_of(**keys).startswith(f"x.toml: faults[0]{line}")


def test_the_number_of_a_repeat_may_not_be_taken_by_hand() -> None:
    tables = [
        {"name": "cut", "kind": "reset", "on": "api", "at_s": 1, "for_s": 1, "every_s": 9},
        {"name": "cut#2", "kind": "reset", "on": "realtime", "at_s": 1, "for_s": 1},
    ]
    with pytest.raises(UsageError, match=r"faults\[1\]\.name: 'cut#2' is there twice"):
        parse_faults(tables, where="x.toml", cohorts=("chrome",), seed=1, load_s=30)
