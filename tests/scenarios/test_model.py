"""From TOML to a scenario, and every mistake as one line."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import pytest

from harness.client.browser import BROWSERS
from harness.client.library import LEGACY
from harness.errors import UsageError
from reports.gates import METRIC_NAMES
from scenarios.model import library_names, load_scenario, scenario_from, to_toml

LIBRARY = library_names()
LONG = {"four-policies": 110.0}
"""One fault after the other, for four cohorts. All others take no more than a minute and a half."""


def error_of(*sets: str, name: str = "ws-blocked", users: int | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        load_scenario(name, users=users, sets=sets)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_every_trial_and_every_hazard_has_a_scenario_that_shows_it() -> None:
    shown = {each for name in LIBRARY for each in load_scenario(name).shows}
    assert {f"T{n}" for n in range(1, 6)} | {f"H{n}" for n in range(1, 11)} <= shown


@pytest.mark.parametrize("name", LIBRARY)
def test_a_library_scenario_is_sound_and_short(name: str) -> None:
    scenario = load_scenario(name)

    assert scenario.name == name
    assert 30 <= scenario.duration_s <= LONG.get(name, 90)
    assert load_scenario(name, full_length=True).duration_s > scenario.duration_s
    assert scenario.title.ko != scenario.title.en
    assert {gate.metric for gate in scenario.gates} <= set(METRIC_NAMES)
    assert any(gate.min_samples > 1 for gate in scenario.gates)


@pytest.mark.parametrize("name", LIBRARY)
def test_a_resolved_scenario_reads_back_as_itself(name: str) -> None:
    scenario = load_scenario(name, users=80, duration_s=107, seed=9)

    assert scenario_from(tomllib.loads(to_toml(scenario)), where=name) == scenario


def test_a_cohort_s_library_is_chosen_by_its_name_and_reads_back() -> None:
    scenario = load_scenario("ws-blocked", sets=("cohorts.chrome.library=rjs-legacy",))

    assert scenario.cohorts[0].library is LEGACY
    assert scenario_from(tomllib.loads(to_toml(scenario)), where="x") == scenario


@pytest.mark.parametrize("browser", sorted(BROWSERS))
def test_a_browser_and_what_was_changed_in_it_read_back_the_same(browser: str) -> None:
    own = {"hidden_after_s": "1.5", "timer_align_s": "0.5", "websocket": "works"}
    sets = [f"cohorts.chrome.browser_overrides.{key}={value}" for key, value in own.items()]
    scenario = load_scenario("steady", sets=(f"cohorts.chrome.browser={browser}", *sets))

    assert scenario.cohorts[0].browser.name == browser
    assert scenario.cohorts[0].browser.timer_align_s == 0.5
    assert scenario_from(tomllib.loads(to_toml(scenario)), where="again") == scenario


def test_the_load_lies_between_the_warm_up_and_the_settling_phase() -> None:
    scenario = load_scenario("ws-blocked")

    assert scenario.load_begins_s == 50 / 25 + 3
    assert scenario.load_ends_s == 45 - 5
    assert scenario.load_s == 35


def test_rooms_are_counted_with_the_last_smaller_one() -> None:
    assert load_scenario("ws-blocked", users=51).rooms == 3


def test_a_nearly_empty_last_room_is_no_mistake() -> None:
    assert load_scenario("slow-send", users=51).rooms == 3


def test_arguments_replace_what_the_file_says() -> None:
    scenario = load_scenario("ws-blocked", users=100, duration_s=70, seed=5, spawn_rate=50)

    assert (scenario.load.users, scenario.duration_s) == (100, 70)
    assert (scenario.seed, scenario.load.spawn_rate) == (5, 50)


def test_a_set_wins_over_an_argument() -> None:
    assert load_scenario("steady", users=60, sets=("load.users=70",)).load.users == 70


def test_an_override_changes_the_policy_and_keeps_its_name() -> None:
    policy = load_scenario("ws-blocked").cohorts[0].policy

    assert policy.name == "plan-reviewed"
    assert policy.poll_on_release
    assert policy.poll_on_subscribed


@pytest.mark.parametrize("name", ["steady", "slow-send"])
def test_the_plain_plan_is_what_these_scenarios_run(name: str) -> None:
    for cohort in load_scenario(name).cohorts:
        assert not cohort.policy.poll_on_release
        assert not cohort.policy.poll_on_subscribed


def test_a_file_is_loaded_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(to_toml(load_scenario("steady")), encoding="utf-8")

    assert load_scenario(str(path)) == load_scenario("steady")


def test_an_unknown_scenario_gets_the_list() -> None:
    text = error_of(name="ws-bloked")

    assert "did you mean ws-blocked?" in text
    assert ", ".join(LIBRARY) in text


def test_a_missing_file_is_named() -> None:
    assert error_of(name="none/mine.toml").startswith("none/mine.toml: cannot be read: No such")


def test_a_file_that_is_no_toml_is_named_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("name = \n", encoding="utf-8")

    text = error_of(name=str(path))

    assert text.startswith(f"{path}: is not TOML:")
    assert "line 1" in text


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "short.toml"
    text = resources.files("scenarios").joinpath("library/steady.toml").read_text("utf-8")
    path.write_text(text.replace("room_size = 25\n", ""), encoding="utf-8")

    assert error_of(name=str(path)) == (
        f"{path}: load.room_size: is missing; or sizes, rooms = [200, 50]"
    )


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("load.usrs=3", "load.usrs: no such key; did you mean users?"),
        ("hue=3", "hue: no such key; allowed: access_token_lifetime_s, cohorts, desc"),
        ('load.users="x"', "load.users: expected a whole number, got text"),
        ("load.users=0", "load.users: expected a whole number >= 1"),
        ("load=0", "load: expected a table, got a whole number"),
        ("load.arrivals=often", "load.arrivals: 'often' is not allowed; allowed: bursts, con"),
        ("warmup_s=nan", "warmup_s: expected a number >= 0"),
        ("warmup_s=-1", "warmup_s: expected a number >= 0"),
        ("access_token_lifetime_s=0", "access_token_lifetime_s: expected a whole number >= 1"),
        ("access_token_lifetime_s=1.5", "access_token_lifetime_s: expected a whole number, got"),
        ("access_token_lifetime=9", "access_token_lifetime: no such key; did you mean access_tok"),
        (
            "cohorts.chrome.overrides.renew_token=false",
            "cohorts.chrome.overrides.renew_token: has no effect while tokens outlive the run; le",
        ),
        ("duration_s=inf", "duration_s: expected a number <= 604800"),
        ("name=Two Words", "name: expected up to 40 small letters"),
        ('shows=["Q1"]', "shows[0]: expected ids of rules and hazards"),
        ("cohorts.chrome.share=0.4", "cohorts: the shares add up to 0.4; they must add up to 1"),
        ("cohorts.chrome.shar=1", "cohorts.chrome.shar: no such key; did you mean share?"),
        ("cohorts.chrome.name=all", "cohorts: all means everybody; choose another name"),
        ("cohorts.chrome.policy=plam", "cohorts.chrome.policy: 'plam' is not known; did you"),
        ("cohorts.chrome.library=rjs-1", "cohorts.chrome.library: 'rjs-1' is not known; did you"),
        (
            "cohorts.chrome.overrides.poll_limits=1",
            "cohorts.chrome.overrides.poll_limits: no such key; did you mean poll_limit",
        ),
        (
            "cohorts.chrome.overrides.cursor=newest",
            "cohorts.chrome.overrides.cursor: 'newest' is not allowed; allowed: confirmed, last",
        ),
        (
            "cohorts.chrome.overrides.name=mine",
            "cohorts.chrome.overrides.name: stays plan-reviewed; leave it out",
        ),
        (
            "cohorts.chrome.browser=chrome-extention",
            "cohorts.chrome.browser: 'chrome-extention' is not known; did you mean chrome-exten",
        ),
        (
            "cohorts.chrome.browser_overrides.websockets=refused",
            "cohorts.chrome.browser_overrides.websockets: no such key; did you mean websocket or",
        ),
        (
            "cohorts.chrome.browser_overrides.websocket=blocked",
            "cohorts.chrome.browser_overrides.websocket: 'blocked' is not allowed; allowed: ref",
        ),
        (
            "cohorts.chrome.browser_overrides.handshake_timeout_s=inf",
            "cohorts.chrome.browser_overrides.handshake_timeout_s: expected a number <= 86400",
        ),
        (
            "cohorts.chrome.browser_overrides.name=mine",
            "cohorts.chrome.browser_overrides.name: stays chrome; leave it out",
        ),
        (
            "cohorts.chrome.browser=chrome-hidden",
            "cohorts: every tab is hidden from the start to the end, so nobody could write; give",
        ),
        (
            "load.messages_per_s_per_room=26",
            "load.messages_per_s_per_room: 26 is too much for a room of 25",
        ),
        ("gates.lost.metric=lots", "gates.lots: no such metric; did you mean"),
        ("gates.lost.min_sample=1", "gates.lost.min_sample: no such key; did you mean min_samp"),
        ("gates.lost.min_samples=0", "gates.lost.min_samples: must be 1 or more, not 0"),
        ("gates.lost.max=false", "gates.lost.max: expected a number, got true or false"),
        ("gates.lost.max=inf", "gates.lost: a bound must be a finite number"),
        ("gates.lost.min=3", "gates.lost: min 3 is greater than max 0"),
        ("gates.lost.cohort=edge", "gates.lost.cohort: 'edge': allowed: all, chrome"),
        (
            "gates.lost.window=during:ws",
            "gates.lost.window: 'during:ws': did you mean during:ws-blocked? allowed: after, bef",
        ),
    ],
)
def test_a_mistake_is_one_line_with_file_key_and_what_is_allowed(
    setting: str, expected: str
) -> None:
    assert error_of(setting).startswith(f"ws-blocked.toml with --set: {expected}")


def test_a_gate_without_a_bound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "open.toml"
    text = to_toml(load_scenario("steady")) + '\n[[gates]]\nmetric = "lost"\n'
    path.write_text(text, encoding="utf-8")

    assert error_of(name=str(path)) == f"{path}: gates.lost: has no bound; give it max or min"


def test_two_cohorts_of_one_name_are_refused() -> None:
    text = error_of("cohorts.others.name=slow", name="slow-send")

    assert text == "slow-send.toml with --set: cohorts: slow is there twice; names must differ"


def test_a_window_of_a_fault_that_spares_the_cohort_is_refused() -> None:
    text = error_of("gates.ack_s.p90.window=during:slow-send", name="slow-send")

    assert "gates.ack_s.p90.window: 'during:slow-send': allowed: before, run" in text


def test_a_cohort_of_nobody_is_refused() -> None:
    text = error_of(name="slow-send", users=1)

    assert "cohorts.slow.share: 0.3 of 1 users is nobody; at least 4 users" in text


def test_a_duration_that_is_too_short_names_the_least_that_works() -> None:
    slowly = ("load.spawn_rate=25",)
    text = error_of(*slowly, users=500)
    least_s = 50

    assert f"duration_s: 45 is too short; at least {least_s}:" in text
    enough = load_scenario("ws-blocked", users=500, duration_s=least_s, sets=slowly)
    assert enough.load_s == 22
    with pytest.raises(UsageError):
        load_scenario("ws-blocked", users=500, duration_s=least_s - 1, sets=slowly)


def test_a_fault_of_an_unknown_kind_is_refused_by_its_file() -> None:
    assert error_of("faults.ws-blocked.kind=refusd").startswith(
        "ws-blocked.toml with --set: faults[0].kind"
    )


def test_a_fault_in_the_server_is_written_with_its_switches_and_reads_back() -> None:
    tables = tomllib.loads(to_toml(load_scenario("steady")))
    switches = {"defects": ["event-twice"], "knobs": {"plan": "free", "slow_commit_s": 2.5}}
    fault = {"name": "odd", "kind": "server", "at_s": 1, "for_s": 2, **switches}
    scenario = scenario_from({**tables, "faults": [fault]}, where="x")
    text = to_toml(scenario)
    assert scenario_from(tomllib.loads(text), where="x") == scenario
    (written,) = tomllib.loads(text)["faults"]
    assert written == fault


def test_faults_that_cannot_be_played_together_are_refused() -> None:
    text = error_of("faults.cut.at_s=12", "faults.cut.kind=refused", name="flaky-network")

    assert text.startswith("flaky-network.toml with --set: faults 'slow-line' and 'cut'")


def test_more_users_than_the_file_has_start_in_the_same_time() -> None:
    written, more = load_scenario("steady"), load_scenario("steady", users=200)

    assert more.load_begins_s == written.load_begins_s
    assert load_scenario("steady", users=200, spawn_rate=50).load.spawn_rate == 50
    assert load_scenario("steady", users=10).load.spawn_rate == written.load.spawn_rate
