"""What becomes of a message that is sent again, and of one whose page goes away."""

from __future__ import annotations

import pytest

from harness.commitlog import Commit
from harness.records import (
    Delivery,
    Event,
    Fate,
    PageClosed,
    Path,
    SendEnded,
    SendOutcome,
    SendStarted,
    SpinnerOff,
    VisibilityChanged,
)
from reports.evidence import Evidence, gather
from reports.metrics import measure
from reports.model import Cell, Metrics
from reports.wrong import wrong_messages
from tests.support.small_history import END_S, Raw, committed, history, opened, planned

KEY = "m0-0"
CLICKED_S = 110.0
PATIENCE_S = 10.0
"""The time-out of both cohorts in a small history."""


def started(t_s: float, attempt: int = 1, key: str = KEY, number: int = 0) -> SendStarted:
    return SendStarted(
        t_s=t_s,
        user=0,
        number=number,
        planned_s=CLICKED_S,
        client_msg_id=key,
        attempt=attempt,
    )


def ended(t_s: float, outcome: SendOutcome = "ok", attempt: int = 1) -> SendEnded:
    return SendEnded(t_s=t_s, user=0, client_msg_id=KEY, attempt=attempt, outcome=outcome)


def off(t_s: float, by: str = "api") -> SpinnerOff:
    return SpinnerOff(t_s=t_s, user=0, client_msg_id=KEY, by=by)  # type: ignore[arg-type]


def closed(t_s: float, *pending: str, failed: tuple[str, ...] = ()) -> PageClosed:
    return PageClosed(t_s=t_s, user=0, pending=pending, failed=failed)


def evidence(
    *events: Event, commits: tuple[Commit, ...] = (), deliveries: tuple[Delivery, ...] = ()
) -> Evidence:
    """Of a user whose page opened before the load and who sends one message."""
    everything = (opened(0), opened(1, cohort="incognito"), *events)
    return gather(history(Raw((planned(0, 0, 10.0),), commits, deliveries, everything)))


def measured(*events: Event) -> Metrics:
    return measure(evidence(*events))


def cell(metrics: Metrics, metric: str) -> Cell:
    found = metrics.cell(metric)
    assert found is not None
    return found


def value(metrics: Metrics, metric: str) -> float | None:
    return cell(metrics, metric).value


FAILED_THEN_SENT_AGAIN: tuple[Event, ...] = (
    started(110.0),
    ended(113.0, "network"),
    off(113.0, "error"),
    started(118.0, 2),
    ended(118.5, "ok", 2),
    off(118.5),
    closed(END_S),
)

# -- sent again -----------------------------------------------------------------------------


def test_each_attempt_is_a_stretch_of_its_own() -> None:
    metrics = measured(*FAILED_THEN_SENT_AGAIN)

    assert (value(metrics, "spinner_s.max"), cell(metrics, "spinner_s.max").n) == (3.0, 2)
    assert value(metrics, "spinner_s.p50") == 0.5
    assert value(metrics, "ack_service_s.p50") == 0.5
    assert cell(metrics, "ack_service_s.max").beyond  # the first was never answered
    assert (value(metrics, "retries"), value(metrics, "rescued_sends")) == (1, 1)
    assert value(metrics, "request_amplification") == 2.0


def test_the_wait_of_the_person_is_counted_once_from_the_plan_with_their_own_hesitation() -> None:
    ack = cell(measured(*FAILED_THEN_SENT_AGAIN), "ack_s.max")
    assert (ack.value, ack.n) == (8.5, 1)


def test_a_message_that_arrives_by_a_retry_is_delivered_once_and_no_duplicate() -> None:
    mine = Delivery(118.5, 0, 5, Path.API, Fate.SWAPPED)
    again = Delivery(118.6, 0, 5, Path.REALTIME, Fate.SUPPRESSED)
    theirs = Delivery(118.6, 1, 5, Path.REALTIME, Fate.SHOWN)
    found = evidence(
        *FAILED_THEN_SENT_AGAIN,
        commits=(committed(1, 5, KEY, 118.2),),
        deliveries=(mine, again, theirs),
    )

    assert list(found.ledger.copies) == [1, 1]
    assert wrong_messages(found) == ()
    metrics = measure(found)
    for metric in ("duplicate_rows", "visible_duplicates", "ghost_sends", "repaired_sends"):
        assert value(metrics, metric) == 0, metric


def test_a_row_of_the_first_attempt_that_a_retry_finds_is_one_row_too() -> None:
    """S5: the answer was lost, the row was not."""
    found = evidence(
        *FAILED_THEN_SENT_AGAIN,
        commits=(committed(1, 5, KEY, 110.1),),
        deliveries=(Delivery(118.5, 0, 5, Path.API, Fate.SWAPPED),),
    )
    assert value(measure(found), "duplicate_rows") == 0
    assert list(found.ledger.copies[found.ledger.own]) == [1]


def test_a_message_that_fails_every_time_was_not_rescued() -> None:
    metrics = measured(
        started(110.0),
        ended(113.0, "network"),
        off(113.0, "error"),
        started(118.0, 2),
        ended(128.0, "timeout", 2),
        off(128.0, "timeout"),
        closed(END_S, failed=(KEY,)),
    )

    assert (value(metrics, "retries"), value(metrics, "rescued_sends")) == (1, 0)
    assert value(metrics, "spinner_s.max") == 10.0
    assert value(metrics, "stuck_pending") == 0


def test_only_the_attempt_that_never_ends_is_stuck() -> None:
    metrics = measured(
        started(110.0), ended(113.0, "network"), off(113.0), started(118.0, 2), closed(END_S, KEY)
    )

    assert value(metrics, "stuck_pending") == 1
    assert (cell(metrics, "spinner_s.max").beyond, cell(metrics, "spinner_s.max").n) == (True, 2)
    assert value(metrics, "spinner_s.p50") == 3.0


# -- a page that goes away while a message says "sending…" ----------------------------------


def fates(*events: Event) -> tuple[float | None, float | None]:
    metrics = measured(*events)
    return value(metrics, "stuck_pending"), value(metrics, "left_pending")


def test_who_reloads_after_a_spinner_without_end_had_a_message_that_was_stuck() -> None:
    again = opened(0, t_s=135.0)
    assert fates(started(110.0), closed(134.0, KEY), again, closed(END_S)) == (1, 0)


@pytest.mark.parametrize(
    ("closed_s", "stuck", "left"),
    [
        (CLICKED_S + 0.5, 0, 1),
        (CLICKED_S + PATIENCE_S, 0, 1),
        (CLICKED_S + PATIENCE_S + 0.5, 1, 0),
    ],
)
def test_a_page_that_closes_sooner_than_the_time_out_leaves_its_message_unsettled(
    closed_s: float, stuck: int, left: int
) -> None:
    assert fates(started(CLICKED_S), closed(closed_s, KEY)) == (stuck, left)


def test_at_the_end_of_the_run_whatever_says_sending_is_stuck() -> None:
    assert fates(started(158.0), closed(159.5, KEY)) == (1, 0)


def test_a_run_that_was_cut_leaves_what_never_ended_stuck() -> None:
    assert fates(started(110.0)) == (1, 0)
    assert fates(started(110.0), closed(130.0), opened(0, t_s=131.0)) == (0, 0)


def test_a_spinner_counts_from_its_own_attempt() -> None:
    sent_again = (
        started(110.0),
        ended(120.0, "timeout"),
        off(120.0, "timeout"),
        started(125.0, 2),
    )
    assert fates(*sent_again, closed(126.0, KEY), opened(0, t_s=127.0)) == (0, 1)
    assert fates(*sent_again, closed(136.0, KEY), opened(0, t_s=137.0)) == (1, 0)


def test_what_nobody_looked_at_did_not_hang_in_anybody_s_sight() -> None:
    """A frozen page ends no spinner, and is then discarded."""
    hidden = VisibilityChanged(t_s=114.0, user=0, visible=False)
    shown = VisibilityChanged(t_s=118.0, user=0, visible=True)

    assert fates(started(110.0), hidden, closed(134.0, KEY)) == (0, 1)
    assert fates(started(110.0), hidden, shown, closed(123.5, KEY)) == (0, 1)
    assert fates(started(110.0), hidden, shown, closed(124.5, KEY)) == (1, 0)
    before = VisibilityChanged(t_s=101.0, user=0, visible=False)
    there = VisibilityChanged(t_s=105.0, user=0, visible=True)
    assert fates(before, there, started(110.0), closed(120.5, KEY)) == (1, 0)
    assert fates(before, opened(0, t_s=105.0), started(110.0), closed(120.5, KEY)) == (1, 0)


def test_how_long_a_spinner_was_is_only_known_of_those_who_waited() -> None:
    left = measured(started(110.0), closed(112.0, KEY), opened(0, t_s=113.0))
    assert cell(left, "spinner_s.max").n == 0

    stuck = measured(started(110.0), closed(134.0, KEY), opened(0, t_s=135.0))
    longest = cell(stuck, "spinner_s.max")
    assert (longest.beyond, longest.value) == (True, 24.0)


def test_a_bubble_of_an_earlier_page_is_no_second_line_beside_its_row() -> None:
    found = evidence(
        started(110.0),
        closed(134.0, KEY),
        opened(0, t_s=135.0),
        closed(END_S),
        commits=(committed(1, 5, KEY, 110.1),),
        deliveries=(
            Delivery(110.2, 1, 5, Path.REALTIME, Fate.SHOWN),
            Delivery(135.5, 0, 5, Path.HISTORY, Fate.SHOWN),
        ),
    )

    assert list(found.ledger.copies[found.ledger.own]) == [1]
    metrics = measure(found)
    assert value(metrics, "stuck_pending") == 1
    assert value(metrics, "repaired_sends") == 0  # the reload did it, not S3
    assert [wrong.kind for wrong in wrong_messages(found)] == ["stuck_pending"]
