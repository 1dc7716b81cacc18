"""``--set KEY=VALUE``."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import UsageError
from scenarios.overrides import apply_sets, toml_value

TABLES: dict[str, Any] = {
    "seed": 1,
    "load": {"users": 50},
    "cohorts": [{"name": "chrome"}, {"name": "edge", "overrides": {"fallback": True}}],
    "faults": [{"name": "cut", "for_s": 2}, {"name": "cut#2", "for_s": 2}],
    "gates": [
        {"metric": "lost", "max": 0},
        {"metric": "delivery_s.p99", "window": "before", "max": 1},
        {"metric": "delivery_s.p99", "window": "during:cut", "max": 2},
        {"metric": "late_rate", "max": 0.1},
        {"metric": "late_rate", "cohort": "edge", "max": 0.2},
    ],
}


def test_a_dotted_key_reaches_into_a_table() -> None:
    assert apply_sets(TABLES, ["load.users=10"])["load"] == {"users": 10}


def test_the_tables_given_stay_as_they_were() -> None:
    apply_sets(TABLES, ["load.users=10", "gates.lost.max=9"])

    assert TABLES["load"]["users"] == 50
    assert TABLES["gates"][0]["max"] == 0


def test_a_later_set_wins() -> None:
    assert apply_sets(TABLES, ["seed=2", "seed=3"])["seed"] == 3


def test_a_cohort_is_chosen_by_name_and_missing_tables_are_made() -> None:
    changed = apply_sets(TABLES, ["cohorts.chrome.overrides.fallback=false"])

    assert changed["cohorts"][0] == {"name": "chrome", "overrides": {"fallback": False}}
    assert changed["cohorts"][1] == TABLES["cohorts"][1]


def test_a_phase_is_chosen_by_name() -> None:
    tables = {"phases": [{"name": "calm", "at_s": 0}, {"name": "storm", "at_s": 10}]}

    assert apply_sets(tables, ["phases.storm.at_s=12"])["phases"][1]["at_s"] == 12


def test_a_repeated_fault_is_chosen_by_its_full_name() -> None:
    changed = apply_sets(TABLES, ["faults.cut#2.for_s=5"])

    assert [fault["for_s"] for fault in changed["faults"]] == [2, 5]


@pytest.mark.parametrize(
    ("selector", "index"),
    [
        ("lost", 0),
        ("lost@run", 0),
        ("lost@all", 0),
        ("delivery_s.p99@before", 1),
        ("delivery_s.p99@during:cut", 2),
        ("late_rate@edge", 4),
        ("late_rate@run@edge", 4),
    ],
)
def test_a_gate_is_chosen_by_metric_window_and_cohort(selector: str, index: int) -> None:
    changed = apply_sets(TABLES, [f"gates.{selector}.max=7"])

    assert [i for i, gate in enumerate(changed["gates"]) if gate["max"] == 7] == [index]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("2.5", 2.5),
        ("true", True),
        ('"quoted"', "quoted"),
        ("[1, 2]", [1, 2]),
        ("plain words", "plain words"),
        ("1\nother = 2", "1\nother = 2"),
        ("", ""),
    ],
)
def test_a_value_is_toml_or_else_text(text: str, value: object) -> None:
    assert toml_value(text) == value


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("load.users", "is not KEY=VALUE"),
        ("=3", "is not KEY=VALUE"),
        ("load..users=3", "is not KEY=VALUE"),
        ("seed.x=3", "seed is a value and has no keys below it"),
        ("cohorts.safari.share=1", "no cohort is named safari; allowed: chrome, edge"),
        ("cohorts.chrome=1", "name a key of it, e.g. cohorts.NAME.KEY=VALUE"),
        ("gates.lots.max=1", "there is no gate 'lots'; did you mean lost?"),
        ("gates.delivery_s.p99.max=1", "names 2 gates; choose one: delivery_s.p99@before@all,"),
    ],
)
def test_a_mistake_is_one_line(setting: str, expected: str) -> None:
    with pytest.raises(UsageError, match=r"^--set") as caught:
        apply_sets(TABLES, [setting])

    assert expected in str(caught.value)
