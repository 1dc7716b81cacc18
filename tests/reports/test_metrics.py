"""The metrics against plain loops on wild histories, and against what was planted."""

from __future__ import annotations

import math
from pathlib import Path as FilePath

import pytest
from hypothesis import given

from harness.records import (
    ChannelChanged,
    FallbackOff,
    FallbackOn,
    PollStarted,
    RequestRepeated,
    SendStarted,
    SignedOut,
    SocketOpening,
    TokenRefreshed,
    TokenRefreshFailed,
)
from reports.audit import audit
from reports.evidence import gather
from reports.metrics import UNITS, measure
from reports.model import Cell, Metrics
from tests.support import plain_audit
from tests.support.histories import write_run
from tests.support.small_history import (
    BEGIN_S,
    COHORTS,
    END_S,
    LATE_AFTER_S,
    UNTIMED,
    Raw,
    committed,
    history,
    opened,
    planned,
    raw_histories,
    receipt,
)


def cell(metrics: Metrics, metric: str, window: str = "run", cohort: str = "all") -> Cell:
    found = metrics.cell(metric, window, cohort)
    assert found is not None
    return found


def value(metrics: Metrics, metric: str, window: str = "run", cohort: str = "all") -> float | None:
    return cell(metrics, metric, window, cohort).value


def same_percentiles(metrics: Metrics, metric: str, cohort: str, values: list[float]) -> None:
    for percent in (50, 90, 99):
        found = cell(metrics, f"{metric}.p{percent}", cohort=cohort)
        assert found.n == len(values)
        if not values:
            assert found.value is None
            continue
        wanted = plain_audit.percentile(values, percent)
        assert found.beyond == math.isinf(wanted)
        if not found.beyond:
            assert found.value == wanted


@UNTIMED
@given(raw=raw_histories())
def test_delivery_figures_are_those_of_plain_loops(raw: Raw) -> None:
    metrics = measure(gather(history(raw)))
    pages = plain_audit.pages(raw)
    for cohort in ("all", *COHORTS):
        pairs = [
            pair
            for (_, user), pair in plain_audit.ledger(raw).items()
            if cohort in ("all", pages[user].cohort) and BEGIN_S <= pair.committed_s < END_S
        ]
        expected = [pair for pair in pairs if pair.expected]
        delays = [pair.shown_s - pair.committed_s for pair in expected]
        same_percentiles(metrics, "delivery_s", cohort, delays)
        whole = [pair.shown_s - pair.planned_s for pair in expected]
        same_percentiles(metrics, "end_to_end_s", cohort, whole)
        late = cell(metrics, "late_rate", cohort=cohort)
        assert late.numerator == sum(delay > LATE_AFTER_S for delay in delays)
        assert late.denominator == len(expected)
        assert (value(metrics, "lost", cohort=cohort) or 0) == sum(
            pair.copies == 0 for pair in expected
        )
        extra = sum(max(pair.copies - 1, 0) for pair in pairs)
        assert (value(metrics, "visible_duplicates", cohort=cohort) or 0) == extra
        suppressed = sum(sum(pair.suppressed[1:]) for pair in pairs)
        assert (value(metrics, "suppressed_duplicates", cohort=cohort) or 0) == suppressed


@UNTIMED
@given(raw=raw_histories())
def test_frozen_and_polling_time_are_those_of_a_walk_in_half_seconds(raw: Raw) -> None:
    evidence = gather(history(raw))
    metrics = measure(evidence)
    pages = plain_audit.pages(raw)
    frozen = [plain_audit.frozen_s(raw, user, BEGIN_S, END_S) for user in pages]
    assert value(metrics, "frozen_s.max") == max(frozen)
    assert value(metrics, "frozen_s.p50") == plain_audit.percentile(frozen, 50)
    steps = [BEGIN_S + half / 2 for half in range(int(2 * (END_S - BEGIN_S)))]
    polling = sum(page.polling_at(t) for page in pages.values() for t in steps) / 2
    there = sum(page.opened_s <= t < page.closed_s for page in pages.values() for t in steps) / 2
    share = cell(metrics, "fallback_share")
    assert (share.numerator, share.denominator) == (polling, there)


@UNTIMED
@given(raw=raw_histories())
def test_send_figures_are_those_of_plain_loops(raw: Raw) -> None:
    metrics = measure(gather(history(raw)))
    requests = plain_audit.sends(raw)
    ends = [end for tries in requests.values() for _, end in tries]
    attempts = len(ends)
    timeouts = cell(metrics, "send_timeout_rate")
    assert timeouts.denominator == attempts
    assert timeouts.numerator == sum(e is not None and e.outcome == "timeout" for e in ends)
    errors = cell(metrics, "send_error_rate")
    assert errors.numerator == sum(
        e is not None and e.outcome in ("refused", "bad_answer") for e in ends
    )
    waits = []
    for send in raw.plan:
        tries = requests.get(send.client_msg_id, [])
        good = [e.t_s for _, e in tries if e is not None and e.outcome == "ok"]
        if tries:
            waits.append(min(good, default=math.inf) - BEGIN_S - send.at_s)
    same_percentiles(metrics, "ack_s", "all", waits)
    amplification = cell(metrics, "request_amplification")
    assert (amplification.numerator, amplification.denominator) == (attempts, len(raw.plan))


@UNTIMED
@given(raw=raw_histories())
def test_every_metric_has_a_cell_in_every_window(raw: Raw) -> None:
    metrics = measure(gather(history(raw)))
    wanted = [(name, w.name, w.cohort) for w in metrics.windows for name in UNITS]
    assert [(c.metric, c.window, c.cohort) for c in metrics.cells] == wanted
    assert all(c.unit == UNITS[c.metric] for c in metrics.cells)


@pytest.mark.parametrize(
    ("planted", "metric"),
    [
        ("lost", "lost"),
        ("visible_duplicates", "visible_duplicates"),
        ("duplicate_rows", "duplicate_rows"),
        ("lost_after_ack", "lost_after_ack"),
        ("stuck_pending", "stuck_pending"),
    ],
)
def test_what_was_planted_is_counted_and_nothing_else(
    tmp_path: FilePath, planted: str, metric: str
) -> None:
    counted = ("lost", "visible_duplicates", "duplicate_rows", "lost_after_ack", "stuck_pending")
    run_dir = write_run(tmp_path / "run", seed=3, users=10, **{planted: 3})  # type: ignore[arg-type]  # a count
    metrics = audit(run_dir).metrics
    assert {name: value(metrics, name) for name in counted} == {
        name: 3.0 if name == metric else 0.0 for name in counted
    }


def test_planted_timeouts_are_the_timeout_rate(tmp_path: FilePath) -> None:
    metrics = audit(write_run(tmp_path / "run", users=10, timeouts=6)).metrics
    rate = cell(metrics, "send_timeout_rate")
    assert (rate.numerator, rate.denominator) == (6, 120)
    assert cell(metrics, "ack_s.p99").beyond
    assert (value(metrics, "ack_s.p99") or 0) >= 10.0


def test_a_clean_run_has_no_intervals_on_maxima_and_some_on_percentiles(
    tmp_path: FilePath,
) -> None:
    metrics = audit(write_run(tmp_path / "run", users=10)).metrics
    assert cell(metrics, "delivery_s.max").interval is None
    interval = cell(metrics, "delivery_s.p50").interval
    median = value(metrics, "delivery_s.p50")
    assert interval is not None
    assert median is not None
    assert interval[0] <= median <= interval[1]


def faulty(*events: object) -> Raw:
    """Two users, a fault on both from 110 s to 120 s."""
    fault = receipt("x", 110.0, 120.0, *COHORTS)
    return Raw((), (), (), (opened(0), opened(1), *events), (fault,))  # type: ignore[arg-type]  # events


def test_detection_and_release_are_measured_from_the_receipt() -> None:
    raw = faulty(
        FallbackOn(t_s=113.0, user=0, reason="silence"),
        FallbackOff(t_s=124.0, user=0),
        FallbackOn(t_s=114.0, user=1, reason="silence"),
    )
    metrics = measure(gather(history(raw)))
    assert value(metrics, "fallback_detect_s.max", "during:x") == 4.0
    assert value(metrics, "fallback_release_s.p50", "recovery:x") == 4.0
    never = cell(metrics, "fallback_release_s.max", "recovery:x")
    assert (never.value, never.beyond) == (40.0, True)


def test_whoever_never_polls_counts_as_longer_than_the_fault() -> None:
    metrics = measure(gather(history(faulty())))
    never = cell(metrics, "fallback_detect_s.p50", "during:x")
    assert (never.value, never.beyond, never.n) == (10.0, True, 2)


def test_false_starts_before_the_fault_are_no_detection() -> None:
    raw = faulty(FallbackOn(t_s=105.0, user=0, reason="silence"))
    assert cell(measure(gather(history(raw))), "fallback_detect_s.p50", "during:x").n == 1


def test_reconnects_and_polls_are_counted_per_user_and_second() -> None:
    raw = faulty(
        SocketOpening(t_s=95.0, user=0, attempt=1),
        SocketOpening(t_s=111.25, user=0, attempt=2),
        SocketOpening(t_s=111.75, user=1, attempt=2),
        SocketOpening(t_s=113.0, user=1, attempt=3),
        PollStarted(t_s=112.0, user=0, poll=1, cause="period"),
        PollStarted(t_s=130.0, user=0, poll=2, cause="period"),
    )
    metrics = measure(gather(history(raw)))
    assert value(metrics, "reconnect_attempts") == 3
    assert value(metrics, "reconnect_attempts.per_user", "during:x") == 1.5
    assert value(metrics, "reconnect_attempts.peak_per_s") == 2
    assert value(metrics, "poll_rate", "during:x") == 0.1
    assert value(metrics, "poll_rate.peak", "during:x") == 1


def test_h9_channels_that_the_server_ended_and_renewals_are_counted_at_their_moment() -> None:
    raw = faulty(
        ChannelChanged(t_s=112.0, user=0, status="closed", reason="ended by the server"),
        ChannelChanged(t_s=113.0, user=1, status="closed", reason="left"),
        TokenRefreshed(t_s=105.0, user=0, lasts_s=40.0),
        TokenRefreshed(t_s=114.0, user=1, lasts_s=40.0),
        TokenRefreshFailed(t_s=115.0, user=1, reason="HTTP 503", again=True),
        TokenRefreshFailed(t_s=116.0, user=1, reason="HTTP 400", again=False),
        SignedOut(t_s=116.0, user=1),
    )
    metrics = measure(gather(history(raw)))
    assert value(metrics, "channels_ended") == 1
    assert value(metrics, "channels_ended", "before") == 0
    assert value(metrics, "token_refreshes") == 2
    assert value(metrics, "token_refreshes", "during:x") == 1
    assert value(metrics, "token_refresh_failures") == 1
    assert value(metrics, "sign_outs") == 1


def test_a_run_in_which_nobody_renews_a_token_has_no_figures_of_it() -> None:
    metrics = measure(gather(history(faulty())))
    assert value(metrics, "channels_ended") == 0
    assert value(metrics, "token_refreshes") is None
    assert value(metrics, "sign_outs") is None


def test_a_lost_message_of_the_fault_means_that_its_receiver_never_recovered() -> None:
    base = faulty()
    raw = Raw(
        (planned(0, 0, 15.0),),
        (committed(1, 5, "m0-0", 115.0),),
        (),
        base.events,
        base.receipts,
    )
    metrics = measure(gather(history(raw)))
    assert cell(metrics, "recover_s.p50", "recovery:x").beyond


def test_h7_what_the_browser_sent_again_by_itself_is_a_request_too() -> None:
    plan = (planned(0, 0, 10.0), planned(0, 1, 20.0))
    started = [
        SendStarted(
            t_s=BEGIN_S + send.at_s,
            user=0,
            number=send.number,
            planned_s=BEGIN_S + send.at_s,
            client_msg_id=send.client_msg_id,
            attempt=1,
        )
        for send in plan
    ]
    repeated = [
        RequestRepeated(t_s=BEGIN_S + 10.1, user=0, client_msg_id=key)
        for key in (plan[0].client_msg_id, "")  # a read has no message
    ]
    raw = Raw(plan, (), (), (opened(0), *started, *repeated))

    found = cell(measure(gather(history(raw))), "request_amplification")

    assert (found.numerator, found.denominator) == (3, 2)
