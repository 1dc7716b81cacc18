"""Planned sends that people could not make: counted by reason, in window and cohort, and gated."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from harness.records import Event, SendSkipped, SendStarted, SkipReason
from harness.runsettings import GateSpec, PlannedSend
from reports.evidence import gather
from reports.gates import judge
from reports.metrics import measure
from reports.metrics.skips import REASONS, SECOND_CLICK
from reports.model import Cell, Metrics
from tests.support.small_history import (
    BEGIN_S,
    COHORTS,
    END_S,
    Raw,
    history,
    opened,
    planned,
    receipt,
)

FAULT = receipt("x", BEGIN_S + 10, BEGIN_S + 20, COHORTS[0])


def skipped(send: PlannedSend, reason: SkipReason) -> Event:
    at_s = BEGIN_S + send.at_s
    return SendSkipped(t_s=at_s, user=send.user, number=send.number, planned_s=at_s, reason=reason)


def made(send: PlannedSend) -> Event:
    at_s = BEGIN_S + send.at_s
    return SendStarted(
        t_s=at_s,
        user=send.user,
        number=send.number,
        planned_s=at_s,
        client_msg_id=send.client_msg_id,
        attempt=1,
    )


def second(send: PlannedSend) -> PlannedSend:
    return msgspec.structs.replace(send, second_click=True)


def measured(what: dict[PlannedSend, SkipReason | None]) -> Metrics:
    """Two users, one of each cohort; ``None``: the send was made."""
    pages = (opened(0, cohort=COHORTS[0]), opened(1, cohort=COHORTS[1]))
    events = [made(send) if why is None else skipped(send, why) for send, why in what.items()]
    return measure(gather(history(Raw(tuple(what), (), (), (*pages, *events), (FAULT,)))))


def cell(metrics: Metrics, metric: str, window: str = "run", cohort: str = "all") -> Cell:
    found = metrics.cell(metric, window, cohort)
    assert found is not None
    return found


def test_skipped_sends_are_counted_among_all_that_were_planned() -> None:
    metrics = measured(
        {
            planned(0, 0, 1.0): None,
            planned(0, 1, 2.0): "tab_hidden",
            planned(1, 0, 3.0): "tab_hidden",
            planned(1, 1, 4.0): "asleep",
        }
    )

    assert (cell(metrics, "skipped").value, cell(metrics, "skipped").n) == (3, 4)
    share = cell(metrics, "skipped_rate")
    assert (share.value, share.numerator, share.denominator, share.n) == (0.75, 3, 4, 4)
    assert cell(metrics, "skipped.tab_hidden").value == 2
    assert cell(metrics, "skipped_rate.asleep").value == 0.25
    assert cell(metrics, "skipped.page_not_open").value == 0


@pytest.mark.parametrize("reason", get_args(SkipReason))
def test_every_reason_is_counted_by_itself(reason: SkipReason) -> None:
    metrics = measured({planned(0, 0, 1.0): reason, planned(0, 1, 2.0): None})

    counts = {name: cell(metrics, f"skipped.{name}").value for name in REASONS}
    assert counts == {name: float(name == reason) for name in get_args(SkipReason)}


def test_a_skipped_send_belongs_to_its_planned_moment_and_its_cohort() -> None:
    metrics = measured({planned(0, 0, 15.0): "asleep", planned(1, 0, 5.0): "tab_hidden"})

    assert cell(metrics, "skipped", "during:x").value == 1
    assert cell(metrics, "skipped.asleep", "during:x", COHORTS[0]).value == 1
    assert cell(metrics, "skipped", "before", COHORTS[0]).value is None
    assert cell(metrics, "skipped.tab_hidden", "before").value == 1
    assert cell(metrics, "skipped", "run", COHORTS[1]).value == 1


def test_a_turn_after_the_runs_end_is_not_forgotten() -> None:
    metrics = measured({planned(0, 0, END_S - BEGIN_S + 30): "load_ended"})

    assert cell(metrics, "skipped.load_ended").value == 1
    assert cell(metrics, "skipped.load_ended", "after").value == 1


def test_s6_a_second_click_is_counted_apart() -> None:
    metrics = measured(
        {
            planned(0, 0, 1.0): None,
            second(planned(0, 1, 1.05)): "send_disabled",
            planned(0, 2, 5.0): None,
            second(planned(0, 3, 5.05)): None,
        }
    )

    assert (cell(metrics, "skipped").value, cell(metrics, "skipped").n) == (0, 2)
    assert cell(metrics, "skipped.send_disabled").value == 0
    refused = cell(metrics, f"skipped_rate.{SECOND_CLICK}")
    assert (refused.numerator, refused.denominator) == (1, 2)


def test_without_a_double_click_there_is_nothing_to_refuse() -> None:
    metrics = measured({planned(0, 0, 1.0): None})

    assert cell(metrics, f"skipped.{SECOND_CLICK}").value is None
    assert cell(metrics, f"skipped_rate.{SECOND_CLICK}").value is None


def test_skips_are_gated_by_count_share_and_reason() -> None:
    sends = {planned(0, number, 1.0 + number): None for number in range(9)}
    metrics = measured({**sends, planned(1, 0, 3.0): "page_not_open"})

    gates = (
        GateSpec("skipped", max=1),
        GateSpec("skipped_rate", max=0.05),
        GateSpec("skipped.page_not_open", min=1),
        GateSpec("skipped_rate.page_not_open", cohort=COHORTS[0], max=0),
        GateSpec("skipped_rate", max=0.5, min_samples=11),
    )
    results = [result.result for result in judge(gates, metrics)]
    assert results == ["pass", "fail", "pass", "pass", "invalid"]
