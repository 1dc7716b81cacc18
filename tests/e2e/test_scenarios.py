"""The library, run for real: what each scenario promises, checked beside the raw record."""

from __future__ import annotations

import math
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from harness.records import (
    ChannelChanged,
    FallbackOff,
    FallbackOn,
    PageClosed,
    PageOpened,
    SendEnded,
    SendStarted,
    SocketClosed,
    SocketOpening,
    SpinnerOff,
    TokenRefreshed,
    VisibilityChanged,
)
from reports.story.story import Story
from scenarios.variants import objections
from tests.e2e.conftest import FAMILIES, LIBRARY, RunOf
from tests.support.rundata import events, figure, plan, receipt, records, settings, verdict
from tests.support.runs import CHATQUAKE, Finished

pytestmark = pytest.mark.e2e

POLICIES = ("before", "plan", "reviewed", "hardened")
"""The cohorts of ``four-policies``."""
_RENDERED = (".html", ".md", ".xml", ".svg", ".parquet")


@pytest.mark.parametrize("name", LIBRARY)
def test_a_scenario_passes_and_leaves_a_complete_run_directory(
    library_run: RunOf, name: str
) -> None:
    end = library_run(name)
    assert end.code == 0, end.output
    assert verdict(end.out).verdict == "pass"
    assert [f for f in verdict(end.out).rig if f.level == "fatal"] == []
    assert all(record.complete for record in records(end.out))
    expected = "report.html report.md junit.xml metrics.json ledger.parquet commits.jsonl"
    assert [file for file in expected.split() if not (end.out / file).is_file()] == []


def test_a_report_is_a_function_of_the_run_directory(library_run: RunOf, tmp_path: Path) -> None:
    out = library_run("ws-blocked").out
    moved = tmp_path / "elsewhere"
    shutil.copytree(out, moved)
    made = [file for file in moved.rglob("*") if file.suffix in _RENDERED]
    for file in made:
        file.unlink()
    subprocess.run([*CHATQUAKE, "report", str(moved)], check=True, capture_output=True)
    assert len(made) > 10
    for file in made:
        again, first = file.read_bytes(), (out / file.relative_to(moved)).read_bytes()
        assert again == first, file.name


def test_steady_shows_everything_once_and_nobody_falls_back(library_run: RunOf) -> None:
    out = library_run("steady").out
    assert figure(out, "lost") == 0
    assert figure(out, "visible_duplicates") == 0
    assert events(out, FallbackOn) == []
    assert len(events(out, SocketOpening)) == 50


def test_ws_blocked_loses_and_doubles_nothing_while_blocked(library_run: RunOf) -> None:
    out = library_run("ws-blocked").out
    for window in ("during:ws-blocked", "recovery:ws-blocked", "run"):
        assert figure(out, "lost", window) == 0
        assert figure(out, "visible_duplicates", window) == 0
    shown_by_poll = sum((record.deliveries["path"] == 2).sum() for record in records(out))
    assert shown_by_poll > 0


def test_ws_blocked_polls_only_where_f1_allows_and_not_after_restoration(
    library_run: RunOf,
) -> None:
    out = library_run("ws-blocked").out
    block = receipt(out, "ws-blocked")
    assert block.first_effect_s is not None
    assert block.healed_s is not None
    on = events(out, FallbackOn)
    assert len(on) == 50
    for each in on:
        failed = [
            e
            for e in events(out, SocketClosed)
            if e.user == each.user and not e.was_open and e.t_s <= each.t_s
        ]
        assert each.reason == "socket_failures"
        assert len(failed) == 3
        assert each.t_s > block.first_effect_s
    off = {event.user: event.t_s for event in events(out, FallbackOff)}
    assert set(off) == {event.user for event in on}
    assert min(off.values()) > block.healed_s
    assert figure(out, "fallback_share", "after") == 0


def test_ws_blocked_reports_detection_and_release_as_the_record_and_the_receipt_have_them(
    library_run: RunOf,
) -> None:
    out = library_run("ws-blocked").out
    block = receipt(out, "ws-blocked")
    assert block.first_effect_s is not None
    assert block.healed_s is not None
    assert block.problems == ()
    assert block.applied_s is not None
    assert abs(block.first_effect_s - block.applied_s) < 1.0
    detect = sorted(e.t_s - block.first_effect_s for e in events(out, FallbackOn))
    release = sorted(e.t_s - block.healed_s for e in events(out, FallbackOff))
    detected = figure(out, "fallback_detect_s.max", "during:ws-blocked")
    released = figure(out, "fallback_release_s.max", "recovery:ws-blocked")
    assert math.isclose(detected, detect[-1], abs_tol=1e-6)
    assert math.isclose(released, release[-1], abs_tol=1e-6)


def test_a_blocked_users_story_is_the_record_in_order_with_the_fault_around_it(
    library_run: RunOf,
) -> None:
    out = library_run("ws-blocked").out
    user = events(out, FallbackOn)[0].user
    command = [*CHATQUAKE, "story", str(out), "--user", str(user), "--json"]
    told = subprocess.run(command, check=True, capture_output=True).stdout
    lines = msgspec.json.decode(told, type=Story).lines
    begins, heals = (line.at_s for line in lines if line.kind == "fault")
    on, off = (line.at_s for line in lines if line.kind == "fallback")
    assert begins < on < heals < off
    sent = sum(event.user == user for event in events(out, SendStarted))
    assert sum(" sends " in f" {line.text}" for line in lines if line.kind == "send") == sent
    assert [line.text for line in lines if "never on this screen" in line.text] == []
    assert [line.text for line in lines if line.kind == "other"] == []


def test_slow_send_keeps_every_bubble_ends_every_spinner_and_repairs_without_duplicates(
    library_run: RunOf,
) -> None:
    out = library_run("slow-send").out
    timed_out = {e.client_msg_id for e in events(out, SendEnded) if e.outcome == "timeout"}
    assert timed_out
    ended = {e.client_msg_id: e for e in events(out, SpinnerOff) if e.client_msg_id in timed_out}
    assert set(ended) == timed_out
    assert "timeout" in {each.by for each in ended.values()}
    # What is held when the delay ends goes through at once: a message that was just about to
    # time out is then on the screen by Realtime (S4), and its answer a moment too late.
    let_through_s = receipt(out, "slow-send").heal_requested_s
    assert let_through_s is not None
    others = [each for each in ended.values() if each.by != "timeout"]
    assert [e for e in others if e.by != "realtime" or e.t_s < let_through_s] == []
    closed = events(out, PageClosed)
    assert [e.pending for e in closed if e.pending] == []
    assert [e.failed for e in closed if e.failed] == []  # the INSERT replaced every one
    assert figure(out, "visible_duplicates") == 0
    assert figure(out, "duplicate_rows") == 0


def test_flaky_network_reconnects_everybody_and_loses_nothing(library_run: RunOf) -> None:
    out = library_run("flaky-network").out
    assert figure(out, "lost") == 0
    assert figure(out, "reconnect_attempts.per_user") >= 2


def test_token_expiry_ends_channels_for_good_only_where_nobody_renews_and_nobody_makes_them_anew(
    library_run: RunOf,
) -> None:
    out = library_run("token-expiry").out
    cohort_of = {e.user: e.cohort for e in events(out, PageOpened)}
    ended = [e for e in events(out, ChannelChanged) if e.reason == "ended by the server"]
    assert {cohort_of[e.user] for e in ended} == {"before-2-112", "never-renewed"}
    live_again = {
        e.user
        for e in events(out, ChannelChanged)
        for end in ended
        if e.user == end.user and e.status == "live" and e.t_s > end.t_s
    }
    assert live_again == {e.user for e in ended if cohort_of[e.user] == "before-2-112"}
    renewed_hidden = {
        e.user
        for e in events(out, TokenRefreshed)
        for hidden in events(out, VisibilityChanged)
        if hidden.user == e.user and not hidden.visible and 0 < e.t_s - hidden.t_s < 30
    }
    assert {cohort_of[user] for user in renewed_hidden} == {"current"}
    assert figure(out, "lost", cohort="before-2-112") == 0
    assert figure(out, "lost", cohort="never-renewed") > 0


def test_the_four_policies_differ_as_the_rules_say(policies_run: Finished) -> None:
    assert policies_run.code == 0, policies_run.output
    out = policies_run.out

    def each(metric: str) -> list[float]:
        return [figure(out, metric, cohort=name) for name in POLICIES]

    before, plan_, reviewed, hardened = each("lost")
    assert before > plan_ > hardened == 0
    assert before > reviewed > hardened
    stuck = each("stuck_pending")
    assert stuck[0] > 0
    assert stuck[1:] == [0, 0, 0]
    stale = each("stale_rows")
    assert stale[0] >= max(stale[1:3]) > stale[3] == 0
    frozen = each("frozen_s.p50")
    assert frozen[0] > max(frozen[1:3]) > frozen[3]
    # A double click sends twice unless S6 refuses the second (chat.md, S6).
    requests = each("request_amplification")
    assert min(requests[:2]) > max(requests[2:])
    assert each("skipped_rate.second_click") == [0, 0, 1, 1]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_red_twin_is_red_where_it_says_and_nowhere_else(twin_run: RunOf, family: str) -> None:
    end = twin_run(FAMILIES[family])
    assert end.code == 1, end.output
    twin = settings(end.out).variant.red_twin
    assert twin is not None
    assert objections(twin, verdict(end.out)) == ()
    assert "Red twin: red as it must be" in end.output
    assert "expected to fail" in (end.out / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "processes"), [("native", 1), ("native-2", 2)])
def test_native_locust_leaves_a_complete_audited_run_directory(
    native_run: RunOf, name: str, processes: int
) -> None:
    end = native_run(name)
    assert end.code == 0, end.output
    assert verdict(end.out).verdict == "pass"
    assert len(records(end.out)) == processes
    assert all(record.complete for record in records(end.out))
    assert (end.out / "report.html").is_file()


def test_the_plan_is_the_same_for_one_process_and_two(native_run: RunOf) -> None:
    def planned(name: str) -> list[tuple[object, ...]]:
        sends = plan(native_run(name).out)
        return [(s.user, s.number, s.room, s.at_s, s.body) for s in sends]

    assert planned("native") == planned("native-2")


def test_every_planned_send_was_made_at_its_moment_whichever_process_carried_the_user(
    native_run: RunOf,
) -> None:
    for name in ("native", "native-2"):
        out = native_run(name).out
        ended = {(e.client_msg_id, e.outcome) for e in events(out, SendEnded)}
        assert ended == {(send.client_msg_id, "ok") for send in plan(out)}
