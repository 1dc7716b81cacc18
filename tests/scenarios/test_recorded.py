"""Moments from a file beside the scenario."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from harness.errors import UsageError
from scenarios.model import Scenario, load_scenario, scenario_from, to_toml


def scenario_beside(folder: Path, *, sets: tuple[str, ...] = ()) -> Scenario:
    path = folder / "mine.toml"
    path.write_text(to_toml(load_scenario("steady")), encoding="utf-8")
    both = ("load.arrivals=recorded", "load.recorded_file=talk.txt", *sets)
    return load_scenario(str(path), sets=both)


def error_of(folder: Path, *sets: str) -> str:
    with pytest.raises(UsageError) as caught:
        scenario_beside(folder, sets=sets)
    return str(caught.value).partition("load.recorded_file: ")[2].replace(f"{folder}/", "")


def test_the_moments_are_read_from_the_file_beside_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text("# a talk\n0.5\n\n2  # applause\n7.25\n", encoding="utf-8")

    assert scenario_beside(tmp_path).load.recorded_s == (0.5, 2.0, 7.25)


def test_the_resolved_scenario_runs_again_without_the_file(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text("1\n", encoding="utf-8")
    scenario = scenario_beside(tmp_path)
    (tmp_path / "talk.txt").unlink()

    assert scenario_from(tomllib.loads(to_toml(scenario)), where="again") == scenario


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert error_of(tmp_path).startswith("talk.txt cannot be read: No such file")


def test_a_line_that_is_no_number_is_named(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text("1\nsoon\n", encoding="utf-8")

    assert error_of(tmp_path) == "talk.txt line 2: 'soon' is not a number of seconds"


def test_moments_in_both_places_are_refused(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text("1\n", encoding="utf-8")

    assert error_of(tmp_path, "load.recorded_s=[1]") == "recorded_s is given too; one of the two"
