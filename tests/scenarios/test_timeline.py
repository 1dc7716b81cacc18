"""A scenario's phases and faults in time: as written, as resolved, and for another duration."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageError
from scenarios.model import load_scenario, scenario_from, to_toml
from tests.support.timelines import PHASES, scenario


def error_of(*faults: dict[str, Any], **keys: Any) -> str:
    with pytest.raises(UsageError) as caught:
        scenario(*faults, **keys)
    assert "\n" not in str(caught.value)
    return str(caught.value)


_ms = st.integers(0, 35_000).map(lambda ms: ms / 1000)
_fault = st.fixed_dictionaries(
    {"for_s": _ms, "kind": st.just("reset")},
    optional={
        "at_s": _ms,
        "every_s": _ms,
        "times": st.integers(1, 5),
        "jitter_s": _ms,
        "phase": st.sampled_from(["calm", "storm"]),
        "share": st.floats(0.01, 1),
    },
)
_slow = st.fixed_dictionaries(
    {
        "kind": st.just("latency"),
        "latency_ms": st.integers(100, 9000),
        "at_s": _ms,
        "for_s": _ms,
        "ramp_s": _ms,
    },
    optional={"ramp_steps": st.integers(2, 20), "jitter_s": _ms},
)


@settings(deadline=None)
@given(fault=_fault | _slow, seed=st.integers(0, 2**53))
def test_a_resolved_timeline_reads_back_as_itself(fault: dict[str, Any], seed: int) -> None:
    try:
        found = scenario({"name": "f", **fault}, phases=PHASES, seed=seed)
    except UsageError:
        return
    again = scenario_from(tomllib.loads(to_toml(found)), where="scenario.toml")
    assert again == found


def test_the_resolved_form_has_a_table_for_each_occurrence_with_its_own_moment() -> None:
    cut = {"name": "cut", "phase": "storm", "for_s": 1, "every_s": 8, "jitter_s": 2}
    found = tomllib.loads(to_toml(scenario(cut, phases=PHASES)))
    assert [table["name"] for table in found["faults"]] == ["cut", "cut#2", "cut#3"]
    assert all(
        set(table) <= {"name", "kind", "at_s", "for_s", "on", "cohorts"}
        for table in found["faults"]
    )
    assert found["phases"] == PHASES


def test_repeats_stand_in_the_windows_that_gates_may_name() -> None:
    flaky = load_scenario("flaky-network")
    assert [(f.name, f.at_s, f.end_s) for f in flaky.faults][1:] == [
        ("cut", 17, 19),
        ("cut#2", 25, 27),
    ]
    load_scenario("flaky-network", sets=("gates.late_rate.window=during:cut#2",))
    with pytest.raises(UsageError, match="during:cut#3"):
        load_scenario("flaky-network", sets=("gates.late_rate.window=during:cut#3",))


def test_another_duration_moves_no_fault_and_fills_the_load_with_repeats() -> None:
    cut = {"name": "cut", "at_s": 2, "for_s": 1, "every_s": 10}
    short, long = scenario(cut), scenario(cut, duration_s=65)
    assert (short.load_s, long.load_s) == (35, 55)
    assert [fault.at_s for fault in short.faults] == [2, 12, 22, 32]
    assert [fault.at_s for fault in long.faults] == [2, 12, 22, 32, 42, 52]


def test_a_duration_that_cuts_off_a_fault_is_refused_with_the_least_that_would_do() -> None:
    cut = {"name": "cut", "at_s": 2, "for_s": 1, "every_s": 10, "times": 5}
    assert error_of(cut) == (
        "x.toml: duration_s: 45 is too short; at least 53: starting 50 users takes 2 s, warming"
        " up 3 s, the load to the end of fault 'cut#5' 43 s, settling 5 s"
    )
    assert len(scenario(cut, duration_s=53).faults) == 5


def test_a_phase_beyond_the_load_is_refused_likewise() -> None:
    late = {"name": "late", "at_s": 30, "for_s": 10}
    text = error_of({"name": "cut", "at_s": 1, "for_s": 1}, phases=[late])
    assert "at least 50:" in text
    assert "the load to the end of phase 'late' 40 s" in text


@pytest.mark.parametrize(
    ("phases", "line"),
    [
        ([{"name": "a", "at_s": -1, "for_s": 5}], "x.toml: phases.a.at_s: expected"),
        ([{"name": "a b", "at_s": 1, "for_s": 5}], "x.toml: phases.a b.name: expected a name of"),
        ([{"name": "a", "at_s": 1}], "x.toml: phases.a.for_s: is missing"),
        (
            [{"name": "a", "at_s": 1, "fors": 1}],
            "x.toml: phases.a.fors: no such key; did you mean for_s?",
        ),
    ],
)
def test_a_bad_phase_is_one_line_with_its_name(phases: list[dict[str, Any]], line: str) -> None:
    assert error_of(phases=phases).startswith(line)
