"""What ``chatquake chaos`` takes for its argument, and what it says to what it does not."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner

from chaos.faults.catalogue import CATALOGUE
from harness.errors import UsageError
from scenarios.chaos_choice import AT_MOST_S, Choice, choose
from scenarios.cli import app


def faults(choice: Choice) -> dict[str, str | None]:
    return {fault.name: fault.on for fault in choice.scenario.faults}


def written(tmp_path: Path, *kinds: str) -> str:
    """A scenario of the library with these faults in place of its own."""
    text = resources.files("scenarios").joinpath("library/steady.toml").read_text("utf-8")
    for number, kind in enumerate(kinds):
        text += f'\n[[faults]]\nname = "f{number}"\nkind = "{kind}"\nat_s = 1\nfor_s = 5\n'
        text += "" if kind == "offline" else 'on = "realtime"\n'
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_scenario_is_played_by_its_timeline_or_if_asked_by_key() -> None:
    choice = choose(["ws-blocked"])
    assert (choice.by_key, faults(choice)) == (False, {"ws-blocked": "realtime"})
    assert choose(["ws-blocked"], by_key=True).by_key


def test_a_scenario_takes_settings_as_a_run_does() -> None:
    (fault,) = choose(["ws-blocked"], sets=["faults.ws-blocked.for_s=3"]).scenario.faults
    assert fault.for_s == 3


def attempt(kind: str) -> Choice | str:
    try:
        return choose([kind])
    except UsageError as error:
        return str(error)


@pytest.mark.parametrize("kind", CATALOGUE)
def test_every_kind_of_the_catalogue_is_played_by_key_or_says_what_it_needs(kind: str) -> None:
    found = attempt(kind)
    if isinstance(found, Choice):
        assert {fault.kind for fault in found.scenario.faults} == {kind}
        assert {fault.for_s for fault in found.scenario.faults} == {AT_MOST_S}
    elif CATALOGUE[kind].means == "browser":
        assert "emulated" in found
    else:
        assert re.match(rf"chaos {kind}: .*allowed: ", found)


def test_a_kind_of_the_network_has_a_key_for_each_side_that_it_can_be_on() -> None:
    assert faults(choose(["refused", "upgrade_page"])) == {
        "refused-realtime": "realtime",
        "refused-api": "api",
        "upgrade_page": "realtime",
    }


def test_one_side_is_chosen_by_a_setting() -> None:
    assert faults(choose(["half_open"], sets=["on=both"])) == {"half_open": "both"}


def test_settings_are_for_all_kinds_or_for_one_by_name() -> None:
    sets = ["on=api", "latency.latency_ms=800", "for_s=60"]
    chosen = choose(["half_open", "latency"], sets=sets).scenario.faults
    assert [(fault.kind, fault.on, fault.for_s) for fault in chosen] == [
        ("half_open", "api", 60),
        ("latency", "api", 60),
    ]


@pytest.mark.parametrize(
    ("names", "sets", "said"),
    [
        (["refusd"], [], "'refusd': is neither a scenario of the library nor a kind of fault; "
            "did you mean refused?"),
        (["ws-blocked", "refused"], [], "'ws-blocked': is no kind of fault; give one scenario"),
        (["steady"], [], "steady: has no faults"),
        (["nowhere/mine.toml"], [], "nowhere/mine.toml: cannot be read"),
        (["latency"], [], "chaos latency: --set latency_ms: missing; allowed: a whole number"),
        (["latency"], ["latency_ms=-5"], "chaos latency: --set latency_ms: -5 is not allowed"),
        (["refused"], ["latency_ms=5"], "chaos refused: unknown key 'latency_ms'"),
        (["refused"], ["on"], "--set on: is not KEY=VALUE"),
        (["refused"], ["half_open.on=api"], "'half_open' is not played; allowed: refused"),
        (["refused"], ["name=x"], "name cannot be set for a fault that is played by key"),
    ],
)  # fmt: skip
def test_what_cannot_be_played_is_one_line_that_says_what_is_allowed(
    names: list[str], sets: list[str], said: str
) -> None:
    with pytest.raises(UsageError) as raised:
        choose(names, sets=sets)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_only_an_emulated_browser_can_have_is_left_out_and_named(tmp_path: Path) -> None:
    choice = choose([written(tmp_path, "offline", "refused")])
    assert faults(choice) == {"f1": "realtime"}
    assert choice.left_out == ("f0",)


def test_nothing_but_such_faults_is_refused_in_one_line(tmp_path: Path) -> None:
    for names in (["offline"], [written(tmp_path, "offline")]):
        with pytest.raises(UsageError, match="only an emulated one does it by itself"):
            choose(names)


def test_a_countdown_without_a_timeline_is_a_usage_error() -> None:
    result = CliRunner().invoke(app, ["chaos", "refused", "--in", "5"])
    assert result.exit_code == 2
    assert result.stderr.startswith("chatquake: --in: is for a timeline")
