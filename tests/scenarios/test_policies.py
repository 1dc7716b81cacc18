"""Policies of a scenario's own: from ``[policies.NAME]`` to the cohorts, the report and back."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import pytest

from harness.client.policy import POLICIES
from harness.errors import UsageError
from scenarios.model import Scenario, load_scenario, scenario_from, to_toml
from scenarios.settings import policy_in_words

PATIENT = """
[policies.patient]
base = "plan-reviewed"
ack_timeout_s = 30
poll_period_s = 5
"""
TAKEN = "cohorts.chrome.policy=patient"


def written(folder: Path, text: str = PATIENT) -> str:
    """``steady`` with these lines behind it, as a file."""
    steady = resources.files("scenarios").joinpath("library/steady.toml").read_text("utf-8")
    path = folder / "mine.toml"
    path.write_text(f"{steady}\n{text}", encoding="utf-8")
    return str(path)


def mine(folder: Path, *sets: str) -> Scenario:
    return load_scenario(written(folder), sets=(TAKEN, *sets))


def refusal(folder: Path, text: str, *sets: str) -> str:
    """What is said of a file with these lines, without its path; one line."""
    path = written(folder, text)
    with pytest.raises(UsageError) as caught:
        load_scenario(path, sets=sets)
    said = str(caught.value)
    assert "\n" not in said
    return said.replace(f"{path}: ", "").replace(f"{path} with --set: ", "")


def test_a_cohort_takes_a_policy_of_the_scenario_by_its_name(tmp_path: Path) -> None:
    (cohort,) = mine(tmp_path).cohorts

    assert cohort.policy.name == "patient"
    assert (cohort.policy.ack_timeout_s, cohort.policy.poll_period_s) == (30, 5)
    assert cohort.policy.send_disabled_s == POLICIES["plan-reviewed"].send_disabled_s


def test_it_starts_from_the_base_that_it_names(tmp_path: Path) -> None:
    (cohort,) = mine(tmp_path, "policies.patient.base=legacy").cohorts

    assert cohort.policy.match == "content"
    assert cohort.policy.ack_timeout_s == 30


def test_a_set_changes_it_for_every_cohort_that_has_it(tmp_path: Path) -> None:
    (cohort,) = mine(tmp_path, "policies.patient.poll_period_s=7").cohorts

    assert cohort.policy.poll_period_s == 7


def test_a_cohort_may_override_what_its_policy_says(tmp_path: Path) -> None:
    scenario = mine(tmp_path, "cohorts.chrome.overrides.ack_timeout_s=4")
    (cohort,) = scenario.cohorts

    assert (cohort.policy.name, cohort.policy.ack_timeout_s) == ("patient", 4)
    assert scenario.policies[0].policy.ack_timeout_s == 30


@pytest.mark.parametrize("override", ["ack_timeout_s=4", "ack_timeout_s=10", "cursor=confirmed"])
def test_it_reads_back_as_itself(tmp_path: Path, override: str) -> None:
    """10 s is the preset's own: a cohort that goes back to it still differs from its policy."""
    scenario = mine(tmp_path, f"cohorts.chrome.overrides.{override}")

    assert scenario_from(tomllib.loads(to_toml(scenario)), where="again") == scenario


def test_the_report_calls_it_by_its_name_and_says_what_it_is(tmp_path: Path) -> None:
    plain = mine(tmp_path)
    own = mine(tmp_path, "cohorts.chrome.overrides.ack_timeout_s=4")

    words = "patient (plan-reviewed, changed: ack_timeout_s = 30, poll_period_s = 5)"
    assert policy_in_words(plain, plain.cohorts[0]) == words
    assert policy_in_words(own, own.cohorts[0]) == f"{words}, changed: ack_timeout_s = 4"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[policies.plan]\nbase = "plan"', "policies.plan: is the name of a preset; choose anot"),
        ('[policies.Mine]\nbase = "plan"', "policies.Mine: expected up to 40 small letters"),
        ("[policies.mine]", "policies.mine.base: is missing; one of legacy, plan, plan-reviewed"),
        ('[policies.mine]\nbase = "plam"', "policies.mine.base: 'plam' is not known; did you me"),
        ("[policies.mine]\nbase = 3", "policies.mine.base: expected text, got a whole number"),
        (
            f'{PATIENT}\n[policies.mine]\nbase = "patient"',
            "policies.mine.base: 'patient' is not known; allowed: hardened, legacy, plan",
        ),
        (
            '[policies.mine]\nbase = "plan"\npoll_perod_s = 3',
            "policies.mine.poll_perod_s: no such key; did you mean poll_period_s",
        ),
        (
            '[policies.mine]\nbase = "plan"\npoll_period_s = 0',
            "policies.mine.poll_period_s: expected a number > 0",
        ),
        (
            '[policies.mine]\nbase = "plan"\nack_timeout_s = inf',
            "policies.mine.ack_timeout_s: expected a number <= 86400",
        ),
        (
            '[policies.mine]\nbase = "plan"\npoll_jitter_s = 3',
            "policies.mine.poll_jitter_s: 3 is too much for a poll_period_s of 3; less than that",
        ),
        ('[policies.mine]\nbase = "plan"\nname = "x"', "policies.mine.name: stays mine; leave"),
        ("[policies]\nmine = 3", "policies.mine: expected a table, got a whole number"),
        ("[[policies]]\nname = 'x'", "policies: expected a table, got a list"),
    ],
)
def test_a_mistake_is_one_line_with_key_and_what_is_allowed(
    tmp_path: Path, text: str, said: str
) -> None:
    assert refusal(tmp_path, text).startswith(said)


def test_a_mistyped_name_is_answered_with_the_presets_and_the_scenarios_own(
    tmp_path: Path,
) -> None:
    assert refusal(tmp_path, PATIENT, "cohorts.chrome.policy=patent") == (
        "cohorts.chrome.policy: 'patent' is not known; did you mean patient or plan? allowed: "
        "hardened, legacy, patient, plan, plan-reviewed"
    )


def test_a_cohorts_override_is_held_against_its_policys_other_numbers(tmp_path: Path) -> None:
    said = refusal(tmp_path, PATIENT, TAKEN, "cohorts.chrome.overrides.poll_jitter_s=6")

    assert said.startswith("cohorts.chrome.overrides.poll_jitter_s: 6 is too much for a poll_per")


def test_a_policy_that_no_cohort_has_is_no_mistake_and_is_named(tmp_path: Path) -> None:
    assert load_scenario(written(tmp_path)).unused_policies == ("patient",)
    assert mine(tmp_path).unused_policies == ()


def test_a_set_on_a_policy_that_no_cohort_has_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, PATIENT, "policies.patient.poll_period_s=7") == (
        "--set policies.patient.poll_period_s=7: no cohort has this policy, so it would change "
        "nothing; add --set cohorts.NAME.policy=patient"
    )
