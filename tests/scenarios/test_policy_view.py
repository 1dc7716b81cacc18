"""``chatquake policies``: every switch with its rule, unit and value."""

from __future__ import annotations

import io
import tomllib
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from harness.client.policy import POLICIES
from harness.errors import UsageError
from scenarios.model import load_scenario, scenario_from, to_toml
from scenarios.policy_view import PolicyView, chosen, switches, views, write


@pytest.fixture
def own(tmp_path: Path) -> str:
    """A file with a policy of its own, which its cohort takes."""
    tables = tomllib.loads(to_toml(load_scenario("steady")))
    tables["policies"] = {"patient": {"base": "plan", "ack_timeout_s": 30}}
    tables["cohorts"][0] |= {"policy": "patient"}
    path = tmp_path / "mine.toml"
    path.write_text(to_toml(scenario_from(tables, where=str(path))), encoding="utf-8")
    return str(path)


def printed(*found: PolicyView, width: int = 120) -> str:
    out = io.StringIO()
    write(found, Console(file=out, width=width))
    return out.getvalue()


@pytest.mark.parametrize("name", POLICIES)
def test_a_preset_is_shown_with_every_number_that_it_has(name: str) -> None:
    (view,) = chosen(views(None), (name,))

    fields = {switch.name: switch.value for switch in view.switches}
    assert fields == {
        k: v for k, v in msgspec.structs.asdict(POLICIES[name]).items() if k != "name"
    }


def test_every_switch_says_what_it_is_and_may_be_and_a_number_its_unit() -> None:
    shown = switches(POLICIES["plan"])

    assert [one.name for one in shown if not (one.meaning and one.allowed)] == []
    numbers = [one for one in shown if type(one.value) in (int, float)]
    assert [one.name for one in numbers if not one.unit] == []


def test_a_switch_carries_the_ids_of_its_rules() -> None:
    shown = {switch.name: switch for switch in switches(POLICIES["plan"])}

    assert (shown["spinner_ends"].rule, shown["poll_period_s"].rule) == ("S2, S3", "F3")
    assert shown["poll_period_s"].meaning == "From one poll to the next, jitter aside."
    assert {one.name for one in shown.values() if not one.rule} == {"order", "history_limit"}


def test_one_policy_is_printed_with_values_units_and_meanings() -> None:
    text = printed(*chosen(views(None), ("hardened",)))

    assert "cursor_overlap_s" in text
    assert "15 seconds" in text
    assert "one of client_msg_id, content" in " ".join(text.replace("│", " ").split())


def test_several_are_printed_side_by_side() -> None:
    text = printed(*chosen(views(None), ("plan", "hardened")))

    (line,) = [line for line in text.splitlines() if " cursor " in line]
    assert [cell.strip() for cell in line.split("│")[1:-1]] == [
        *("F4", "cursor", "", "last_seen", "confirmed")
    ]


def test_a_scenarios_own_stand_beside_the_presets_with_what_they_start_from(own: str) -> None:
    found = views(own, ("policies.patient.poll_period_s=5",))

    assert [view.name for view in found] == [*POLICIES, "patient"]
    (patient,) = chosen(found, ("patient",))
    text = printed(patient)
    assert "30 seconds (plan: 10)" in text
    assert "5 seconds (plan: 3)" in text
    assert "patient starts from plan" in text


@pytest.mark.parametrize(
    ("names", "scenario", "sets", "said"),
    [
        (("plam",), None, (), "policy 'plam': is not known; did you mean plan? allowed: hard"),
        ((), None, ("a=b",), "--set: changes a scenario's policies; say which with --scenario"),
        ((), "stedy", (), "scenario 'stedy': not in the library; did you mean steady"),
    ],
)
def test_a_mistake_is_one_line(
    names: tuple[str, ...], scenario: str | None, sets: tuple[str, ...], said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        chosen(views(scenario, sets), names)

    assert str(caught.value).startswith(said)
