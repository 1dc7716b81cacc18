"""Stale lines, their order, and polling without need."""

from __future__ import annotations

from typing import Literal

import pytest

from harness.commitlog import Subscription
from harness.records import (
    Delivery,
    Event,
    FallbackOn,
    Fate,
    LineChange,
    LineChanged,
    PageClosed,
    Path,
)
from reports.evidence import gather
from reports.metrics import measure
from reports.model import Cell, Metrics
from tests.support.small_history import (
    END_S,
    Raw,
    committed,
    history,
    opened,
    planned,
    receipt,
)


def cell(metrics: Metrics, metric: str, window: str = "run", cohort: str = "all") -> Cell:
    found = metrics.cell(metric, window, cohort)
    assert found is not None
    return found


def line(user: int, row_id: int, t_s: float, change: LineChange = "hidden") -> LineChanged:
    return LineChanged(t_s=t_s, user=user, row_id=row_id, change=change, path=Path.REALTIME)


def shown(user: int, row_id: int, t_s: float) -> Delivery:
    return Delivery(t_s, user, row_id, Path.REALTIME, Fate.SHOWN)


def measured(
    *events: Event,
    changes: tuple[tuple[int, float, str], ...] = ((10, 120.0, "UPDATE"),),
    deliveries: tuple[Delivery, ...] = (shown(0, 10, 111.0), shown(1, 10, 111.0)),
) -> Metrics:
    """Two users who see row 10 from 111 s on."""
    commits = [committed(1, 10, "m0-0", 110.0)]
    commits += [
        committed(seq, row_id, "m0-0", t_s, op=op)
        for seq, (row_id, t_s, op) in enumerate(changes, start=2)
    ]
    raw = Raw(
        plan=(planned(0, 0, 10.0),),
        commits=tuple(commits),
        deliveries=deliveries,
        events=(opened(0), opened(1, cohort="incognito"), *events),
    )
    return measure(gather(history(raw)))


def test_a_line_that_follows_its_row_is_stale_so_long() -> None:
    metrics = measured(line(0, 10, 121.0), line(1, 10, 124.0))

    assert cell(metrics, "stale_rows").value == 0
    assert cell(metrics, "stale_rows").n == 2
    assert cell(metrics, "stale_s.max").value == 4.0
    assert cell(metrics, "stale_s.max", cohort="chrome").value == 1.0


@pytest.mark.parametrize("op", ["UPDATE", "DELETE"])
def test_a_line_that_never_follows_its_row_is_stale_for_ever(op: str) -> None:
    metrics = measured(line(0, 10, 121.0), changes=((10, 120.0, op),))

    assert cell(metrics, "stale_rows").value == 1
    assert cell(metrics, "stale_s.max").beyond
    assert cell(metrics, "stale_rows", cohort="incognito").value == 1


def test_of_a_row_that_changes_twice_the_last_change_decides() -> None:
    changes = ((10, 120.0, "UPDATE"), (10, 130.0, "UPDATE"))
    followed_the_last = measured(line(0, 10, 131.0), line(1, 10, 121.0), changes=changes)

    assert cell(followed_the_last, "stale_rows").value == 1
    assert cell(followed_the_last, "stale_rows").n == 2
    assert cell(followed_the_last, "stale_s.max").n == 4


def test_only_a_row_that_stood_on_a_screen_can_be_stale_there() -> None:
    late = measured(deliveries=(shown(0, 10, 125.0),))
    gone = measured(PageClosed(t_s=115.0, user=0, pending=(), failed=()))
    nothing = measured(changes=())

    assert cell(late, "stale_rows").value is None
    assert cell(gone, "stale_rows").n == 1
    assert cell(nothing, "stale_rows").value is None


def test_rows_that_stood_against_their_order_are_counted_once_a_run() -> None:
    metrics = measured(
        PageClosed(t_s=END_S, user=0, pending=(), failed=(), inversions=3),
        PageClosed(t_s=END_S, user=1, pending=(), failed=()),
    )

    assert cell(metrics, "out_of_order").value == 3
    assert cell(metrics, "out_of_order", cohort="incognito").value == 0
    assert cell(metrics, "out_of_order", "before").value is None


# -- polling without need (H3) --------------------------------------------------------------


def said(
    t_s: float, what: Literal["joined", "live", "left", "closed", "lost"], ref: str = "1"
) -> Subscription:
    return Subscription(t_s=t_s, user_id="u0", webinar_id=1, topic="t", join_ref=ref, what=what)


def false_activations(*subscriptions: Subscription, fault: bool = False) -> float | None:
    """Of one user whose polling went on at 120 s."""
    raw = Raw(
        plan=(),
        commits=(),
        deliveries=(),
        events=(opened(0), FallbackOn(t_s=120.0, user=0, reason="silence")),
        receipts=(receipt("x", 118.0, 125.0),) if fault else (),
    )
    metrics = measure(gather(history(raw, subscriptions=subscriptions)))
    assert cell(metrics, "fallback_activations").value == 1
    return cell(metrics, "fallback_false_activations").value


def test_polling_that_goes_on_while_rows_flow_is_without_need() -> None:
    assert false_activations(said(96.0, "joined"), said(97.0, "live")) == 1


def test_polling_that_goes_on_while_nothing_flows_has_its_reason() -> None:
    assert false_activations(said(96.0, "joined")) == 0
    assert false_activations(said(97.0, "live"), said(110.0, "lost")) == 0
    assert false_activations(said(97.0, "live"), said(110.0, "closed")) == 0


def test_an_old_socket_that_is_missed_late_takes_nothing_from_the_new_one() -> None:
    assert false_activations(said(97.0, "live"), said(105.0, "live"), said(110.0, "lost")) == 1
    assert (
        false_activations(said(97.0, "live"), said(105.0, "joined", "2"), said(110.0, "lost", "2"))
        == 1
    )


def test_polling_during_a_fault_on_ones_path_has_its_reason() -> None:
    assert false_activations(said(97.0, "live"), fault=True) == 0


def test_without_the_server_s_own_log_nobody_can_tell() -> None:
    assert false_activations() is None
