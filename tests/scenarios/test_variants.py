"""A scenario's other forms: what they change, and every mistake in them as one line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.runsettings import RedTwin, Text
from reports.model import GateResult, Result, Verdict
from scenarios.library_view import listed
from scenarios.model import Scenario, library_names, load_scenario, scenario_from, to_toml
from scenarios.rundirs import default_run_dir
from scenarios.variants import objections

PLAIN = to_toml(load_scenario("ws-blocked"))
FULL = "\n[full_length]\nset = ['duration_s=90']\n"
TWIN = """
[red_twin]
set = ["cohorts.chrome.overrides.cursor=last_seen"]
fails = ["lost"]
why = { en = "a gap", ko = "빈틈" }
"""


def load(
    tmp_path: Path, *tables: str, full_length: bool = False, red_twin: bool = False
) -> Scenario:
    path = tmp_path / "mine.toml"
    path.write_text("\n".join((PLAIN, *tables)), encoding="utf-8")
    return load_scenario(str(path), full_length=full_length, red_twin=red_twin)


def error_of(tmp_path: Path, *tables: str, red_twin: bool = False) -> str:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, *tables, red_twin=red_twin)
    text = str(caught.value)
    assert "\n" not in text
    assert "mine.toml" in text
    return text


def test_each_form_is_the_file_with_its_own_changes(tmp_path: Path) -> None:
    shortened = "[shortened]\nheartbeat_s = 5\n"
    tables = (FULL, TWIN, shortened)

    plain = load(tmp_path, *tables)
    full = load(tmp_path, *tables, full_length=True)
    twin = load(tmp_path, *tables, red_twin=True)
    both = load(tmp_path, *tables, full_length=True, red_twin=True)

    forms = (plain, full, twin, both)
    assert [each.duration_s for each in forms] == [45, 90, 45, 90]
    cursors = [each.cohorts[0].policy.cursor for each in forms]
    assert cursors == ["confirmed", "confirmed", "last_seen", "last_seen"]
    assert [each.cohorts[0].library.heartbeat_s for each in forms] == [5, 25, 5, 25]
    words = [each.variant.words for each in forms]
    assert words == [(), ("full-length",), ("red-twin",), ("full-length", "red-twin")]


def test_a_form_reads_back_as_itself_and_says_which_it_is(tmp_path: Path) -> None:
    tables = (FULL, TWIN, "[shortened]\nheartbeat_s = 5\n[server]\ndefects = ['event-lost']\n")
    for full_length in (False, True):
        form = load(tmp_path, *tables, full_length=full_length, red_twin=True)
        again = scenario_from(tomllib.loads(to_toml(form)), where="again")
        assert again == form
        assert again.variant.red_twin is not None
        assert again.variant.red_twin.fails == ("lost",)


def test_the_options_of_the_command_line_win_over_the_form(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(PLAIN + FULL, encoding="utf-8")

    assert load_scenario(str(path), full_length=True, duration_s=120).duration_s == 120
    sets = ("duration_s=100",)
    assert load_scenario(str(path), full_length=True, sets=sets).duration_s == 100


def test_a_resolved_scenario_is_not_made_into_another_form(tmp_path: Path) -> None:
    path = tmp_path / "resolved.toml"
    path.write_text(to_toml(load(tmp_path, TWIN, red_twin=True)), encoding="utf-8")

    with pytest.raises(UsageError, match="this is a resolved scenario"):
        load_scenario(str(path), red_twin=True)


def test_the_run_directory_is_called_after_the_form(tmp_path: Path) -> None:
    twin = load(tmp_path, TWIN, red_twin=True)

    assert default_run_dir(twin.name, twin.variant).name.endswith("-ws-blocked-red-twin")


def twin_with(**changes: str) -> str:
    fields = {
        "set": '["cohorts.chrome.overrides.cursor=last_seen"]',
        "fails": '["lost"]',
        "why": '{ en = "a", ko = "b" }',
    } | changes
    return "\n[red_twin]\n" + "\n".join(f"{key} = {value}" for key, value in fields.items())


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (twin_with(set='["cohorts.chrome.overrides.cursor=confirmed"]'), "changes nothing"),
        (twin_with(set='["gates.lost.max=-1"]'), "red_twin.set: changes a gate"),
        (twin_with(set='["cohorts.chrom.policy=plan"]'), "named chrom; did you mean chrome?"),
        (twin_with(set='["cohorts.chrome.policy=legcy"]'), "did you mean legacy?"),
        (twin_with(set="[]"), "red_twin.set"),
        (twin_with(fails="[]"), "red_twin.fails"),
        (
            twin_with(fails='["lots"]'),
            "red_twin.fails: there is no gate 'lots'; did you mean lost?",
        ),
        (twin_with(fails='["lost@before"]'), "red_twin.fails: there is no gate 'lost@before'"),
        (twin_with(fails='["lost", "lost@run"]'), "red_twin.fails: lost@run is named already"),
        (twin_with(may_fail='["lost@all"]'), "red_twin.may_fail: lost@all is named already"),
        (twin_with(fail='["lost"]'), "red_twin.fail: no such key; did you mean fails"),
        ("\n[red_twn]\nset = ['seed=2']", "red_twn: no such key; did you mean red_twin?"),
        ("\n[full_length]\nset = ['duration_s=45']", "full_length.set: changes nothing"),
        ("\n[full_length]\nset = ['duration_s=4']", "full_length: duration_s: 4 is too short"),
        ("\n[full_length]\nsets = []", "full_length.sets: no such key; did you mean set?"),
        (
            "\n[full_length]\nset = ['access_token_lifetime_s=60']",
            "full_length.set: leaves access_token_lifetime_s at 60; set it to 3600",
        ),
    ],
)
def test_a_mistake_in_a_form_is_one_line_whichever_form_is_run(
    tmp_path: Path, table: str, expected: str
) -> None:
    assert expected in error_of(tmp_path, table)


def test_a_form_that_the_file_does_not_have_is_named(tmp_path: Path) -> None:
    assert "has no [red_twin]" in error_of(tmp_path, red_twin=True)


# -- is it red where it must be? ---------------------------------------------------------------

DECLARED = RedTwin(
    set=("x=1",), fails=("lost", "ack_s.p90@slow"), may_fail=("late_rate",), why=Text("a", "b")
)


def judged(lost: Result, slow: Result, late: Result, other: Result) -> tuple[str, ...]:
    gates = tuple(
        GateResult(
            metric=metric,
            window="run",
            cohort=cohort,
            bound="",
            value=0,
            unit="1",
            n=1,
            result=result,
        )
        for metric, cohort, result in (
            ("lost", "all", lost),
            ("ack_s.p90", "slow", slow),
            ("late_rate", "all", late),
            ("ack_s.p90", "others", other),
        )
    )
    return objections(DECLARED, Verdict(verdict="fail", reasons=(), gates=gates, rig=()))


@pytest.mark.parametrize("late", ["pass", "fail", "invalid"])
def test_a_twin_is_right_that_is_red_where_it_must_be_and_nowhere_else(late: Result) -> None:
    assert judged("fail", "fail", late, "pass") == ()


def test_a_twin_is_wrong_where_a_declared_gate_holds_or_cannot_tell() -> None:
    assert judged("pass", "fail", "pass", "pass") == ("lost must fail: pass",)
    assert judged("fail", "invalid", "pass", "pass") == ("ack_s.p90@slow must fail: invalid",)


def test_a_twin_is_wrong_where_another_gate_is_not_green() -> None:
    assert judged("fail", "fail", "pass", "fail") == ("ack_s.p90@others must hold: fail",)
    assert judged("fail", "fail", "pass", "invalid") == ("ack_s.p90@others must hold: invalid",)


def test_an_invalid_run_proves_nothing_of_a_twin() -> None:
    verdict = Verdict(verdict="invalid", reasons=("no traffic",), gates=(), rig=())

    assert objections(DECLARED, verdict) == ("the run is invalid: no traffic",)


# -- the library -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", library_names())
def test_a_library_scenario_says_what_it_is_for_and_has_every_form(name: str) -> None:
    scenario = load_scenario(name)

    assert scenario.purpose is not None
    assert scenario.expect is not None
    assert load_scenario(name, full_length=True).duration_s > scenario.duration_s
    assert load_scenario(name, full_length=True, red_twin=True).variant.red_twin is not None


def test_the_list_has_the_whole_library_with_the_twins() -> None:
    entries = listed()

    assert [each.name for each in entries] == list(library_names())
    token = next(each for each in entries if each.name == "token-expiry")
    assert [(each.name, each.value_s, each.usual_s) for each in token.shortened] == [
        ("access_token_lifetime_s", 35, 3600)
    ]
    assert token.full_length_s > 3600
