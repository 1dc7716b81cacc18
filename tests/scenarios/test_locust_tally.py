"""What is merged at once is what Locust would have counted one by one."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.locust_tally import Tally
from tests.support.locust_stats import RequestStats, StatsEntry

NOW_S = 1_800_000_000.5

durations_s = st.integers(0, 30_000_000).map(lambda us: us // 10 * 10 / 1e6)


def merged(took_s: Iterable[float], stats: RequestStats) -> None:
    tally = Tally("RECV", "by poll")
    for each_s in took_s:
        tally.add(each_s, 3)
    tally.merge_into(stats, NOW_S)


def figures(entry: StatsEntry) -> tuple[object, ...]:
    return (
        entry.num_requests,
        entry.total_content_length,
        entry.min_response_time,
        entry.max_response_time,
        dict(entry.response_times),
    )


@given(st.lists(durations_s, min_size=1), st.lists(durations_s))
def test_merging_gives_the_figures_of_logging_each(first: list[float], then: list[float]) -> None:
    one_by_one, at_once = RequestStats(), RequestStats()
    for each_s in (*first, *then):
        one_by_one.log_request("RECV", "by poll", each_s * 1000.0, 3)
    merged(first, at_once)
    merged(then, at_once)

    for wanted, got in (
        (one_by_one.get("by poll", "RECV"), at_once.get("by poll", "RECV")),
        (one_by_one.total, at_once.total),
    ):
        assert figures(got) == figures(wanted)
        assert got.total_response_time == pytest.approx(wanted.total_response_time)


def test_nothing_counted_makes_no_entry() -> None:
    stats = RequestStats()
    merged([], stats)
    assert stats.entries == {}


def test_the_requests_belong_to_the_second_of_the_merge() -> None:
    stats = RequestStats()
    merged([0.1, 0.2], stats)
    assert stats.total.num_reqs_per_sec == {int(NOW_S): 2}
    assert stats.last_request_timestamp == NOW_S
