"""What is written down about a run: enough to repeat it, nothing that is nobody's business."""

from __future__ import annotations

import platform
import re
import socket
from pathlib import Path

import msgspec
import pytest

from harness.client.browser import BROWSERS
from harness.runsettings import RunSettings
from scenarios.model import Scenario, load_scenario, to_toml
from scenarios.presets import in_words
from scenarios.settings import policy_in_words, settings_of


def settings(scenario: Scenario) -> RunSettings:
    return settings_of(
        scenario,
        run_id="run-1",
        toxiproxy="2.12.0 (cache)",
        wall_clock_start="2026-03-01T12:00:00Z",
    )


@pytest.fixture
def from_a_file(tmp_path: Path) -> Scenario:
    """A scenario that came by an absolute path."""
    file = tmp_path / "mine.toml"
    file.write_text(to_toml(load_scenario("slow-send")))
    return load_scenario(str(file))


def test_no_host_name_secret_or_absolute_path_is_written_down(
    from_a_file: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = platform.uname_result("Linux", "the-host", "6.1", "#1 SMP the-host", "x86_64")
    monkeypatch.setattr(platform, "uname", lambda: here)
    monkeypatch.setattr(platform, "node", lambda: here.node)
    monkeypatch.setattr(socket, "gethostname", lambda: here.node)
    monkeypatch.setenv("CHATQUAKE_JWT_SECRET", "the-secret")
    monkeypatch.setenv("CHATQUAKE_TOXIPROXY", "/the-place/toxiproxy-server")

    written = msgspec.json.encode(settings(from_a_file)).decode()

    for private in ("the-host", "the-secret", "the-place", str(tmp_path), str(Path.home())):
        assert private not in written
    # An absolute path would begin a string or a word.
    assert re.findall(r'["\s](/\w[^"\s]*)', written) == []


def test_the_machine_is_described_by_what_speed_depends_on() -> None:
    assert set(settings(load_scenario("steady")).machine) == {
        "system",
        "processor",
        "cores",
        "memory_gib",
        "byte_order",
    }


def test_the_cohorts_are_counted_and_carry_their_whole_policy(from_a_file: Scenario) -> None:
    written = settings(from_a_file)

    assert sum(cohort.users for cohort in written.cohorts) == from_a_file.load.users
    assert [cohort.name for cohort in written.cohorts] == [c.name for c in from_a_file.cohorts]
    for cohort, source in zip(written.cohorts, from_a_file.cohorts, strict=True):
        assert cohort.library == "rjs-current"
        assert cohort.policy_settings == msgspec.to_builtins(source.policy)
        assert written.ack_timeout_s[cohort.name] == source.policy.ack_timeout_s


def test_a_cohort_names_the_library_of_its_pages() -> None:
    written = settings(load_scenario("slow-send", sets=("cohorts.slow.library=rjs-legacy",)))

    libraries = {cohort.name: cohort.library for cohort in written.cohorts}
    assert libraries == {"slow": "rjs-legacy", "others": "rjs-current"}


def test_a_run_that_has_not_begun_has_no_times_and_reads_back_the_same() -> None:
    written = settings(load_scenario("steady"))

    assert written.started_at_s is None
    assert written.ended_at_s is None
    assert written.interrupted == ""
    assert written.broken == ()
    assert msgspec.json.decode(msgspec.json.encode(written), type=RunSettings) == written


def test_the_versions_name_python_toxiproxy_and_the_load_s_own_parts() -> None:
    versions = settings(load_scenario("steady")).versions

    assert versions["python"] == platform.python_version()
    assert versions["toxiproxy"] == "2.12.0 (cache)"
    assert {"chatquake", "locust", "gevent", "websockets"} <= set(versions)
    assert all(versions.values())


def test_a_changed_plan_is_not_called_the_plan() -> None:
    own = load_scenario("ws-blocked", sets=("cohorts.chrome.overrides.poll_period_s=5",))
    plain = load_scenario("steady")

    assert policy_in_words(plain, plain.cohorts[0]) == "plan-reviewed"
    said = policy_in_words(own, own.cohorts[0])
    assert said.startswith("plan-reviewed, changed: ")
    assert "poll_period_s = 5" in said


def test_the_browser_is_named_with_what_was_changed_in_it_and_never_is_a_word() -> None:
    own = ("cohorts.chrome.browser=mobile", "cohorts.chrome.browser_overrides.sleeps_for_s=5")
    scenario = load_scenario("steady", sets=own)
    (cohort,) = settings(scenario).cohorts

    assert cohort.browser == "mobile, changed: sleeps_for_s = 5"
    assert in_words(scenario.cohorts[0].browser, BROWSERS["mobile"]) == cohort.browser
    assert cohort.browser_settings["sleeps_every_s"] == 120.0
    assert cohort.browser_settings["socket_lasts_s"] == "never"
    assert [c.browser for c in settings(load_scenario("steady")).cohorts] == ["chrome"]


def test_the_form_of_the_scenario_and_what_was_shortened_are_written_down() -> None:
    sets = ("shortened.heartbeat_s=5", "server.knobs.system_ok_delay_s=1")
    written = settings(load_scenario("steady", red_twin=True, sets=sets))

    assert written.variant.red_twin is not None
    assert "lost" in written.variant.red_twin.fails
    assert [(each.name, each.usual_s) for each in written.shortened] == [("heartbeat_s", 25)]
    assert written.server == ("event-lost", "system_ok_delay_s = 1")
    assert written.cohorts[0].library == "rjs-current, changed: heartbeat_s = 5"
