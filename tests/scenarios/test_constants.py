"""The vendors' constants that a short scenario makes smaller, and where they take effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.client.library import CURRENT, LEGACY
from harness.errors import UsageError
from harness.server.knob_values import parse_knobs
from scenarios.constants import CONSTANTS, shortened_knobs, shortened_presets, token_look_s, told
from scenarios.model import load_scenario, to_toml
from scenarios.rig import server_knobs


def error_of(tmp_path: Path, table: str) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(to_toml(load_scenario("steady")) + table, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_scenario(str(path))
    return str(caught.value)


@pytest.mark.parametrize("name", sorted(CONSTANTS))
def test_every_constant_is_shortened_where_it_belongs_and_nowhere_else(name: str) -> None:
    value_s = CONSTANTS[name].usual_s / 2
    presets, usual = shortened_presets({name: value_s}), shortened_presets({})
    knobs = shortened_knobs({name: value_s})

    libraries = {key for key, each in presets.libraries.items() if each != usual.libraries[key]}
    browsers = {key for key, each in presets.browsers.items() if each != usual.browsers[key]}
    auth = token_look_s({name: value_s}) != token_look_s({})
    holders = {"library": libraries, "browser": browsers, "auth": auth, "server": knobs}
    assert [holder for holder, is_so in holders.items() if is_so] == [CONSTANTS[name].holder]
    changed = [presets.libraries[key] for key in libraries] + [
        presets.browsers[key] for key in browsers
    ]
    assert {getattr(each, name) for each in changed} | set(knobs.values()) <= {value_s}


def test_what_has_less_of_it_anyway_or_never_does_it_stays_as_it_is() -> None:
    presets = shortened_presets({"empty_s": 10, "freezes_after_s": 20})

    assert presets.libraries[LEGACY.name].empty_s == 0
    assert presets.libraries[CURRENT.name].empty_s == 10
    assert presets.browsers["chrome"].freezes_after_s == float("inf")
    assert presets.browsers["mobile"].freezes_after_s == 20


def test_a_short_token_is_told_among_the_shortened() -> None:
    assert [each.name for each in told({"heartbeat_s": 5}, 60)] == [
        "heartbeat_s",
        "access_token_lifetime_s",
    ]
    assert told({}, 3600) == told({}, None) == ()


def test_the_server_is_started_with_what_the_scenario_says_of_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    tables = (
        "\n[shortened]\nconfirm_token_s = 9\nheartbeat_s = 5\n[server.knobs]\nkeep_alive_s = 5\n"
    )
    path.write_text(to_toml(load_scenario("token-expiry")) + tables, encoding="utf-8")

    knobs = server_knobs(load_scenario(str(path)))

    assert knobs == ("confirm_token_s=9.0", "keep_alive_s=5", "access_token_lifetime_s=35")
    assert parse_knobs(knobs).confirm_token_s == 9


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("heartbet_s = 5", "shortened.heartbet_s: no such constant; did you mean heartbeat_s?"),
        ("heartbeat_s = 25", "shortened.heartbeat_s: 25 is not shorter; allowed: more than 0"),
        ("heartbeat_s = 0", "less than the usual 25"),
        ("heartbeat_s = 'x'", "shortened.heartbeat_s"),
        ("freezes_after_s = 20", "shortened.freezes_after_s: no cohort has a browser with more"),
        ("token_look_s = 3", "shortened.token_look_s: has no effect while tokens outlive the run"),
        ("idle_timeout_s = 12", "12 is less than a heartbeat of 25 s"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, table: str, expected: str) -> None:
    text = error_of(tmp_path, f"\n[shortened]\n{table}\n")

    assert expected in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("defects = ['event-lots']", "server: defects: event-lots: no such defect; did you mean"),
        ("knobs = { idle_s = 3 }", "server: switches: idle_s: no such knob"),
        ("knobs = { access_token_lifetime_s = 60 }", "is a key of the scenario itself"),
        ("defect = ['mute']", "server.defect: no such key; did you mean defects?"),
    ],
)
def test_a_mistake_about_the_server_is_one_line(tmp_path: Path, table: str, expected: str) -> None:
    assert expected in error_of(tmp_path, f"\n[server]\n{table}\n")
