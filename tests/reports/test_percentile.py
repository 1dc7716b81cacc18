"""Nearest rank, what never ended, and the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.percentile import Durations, bound_s, percentile, quantiles, rank, ratio_interval
from tests.support.plain_audit import percentile as plain_percentile
from tests.support.small_history import UNTIMED

INF = float("inf")


def samples(values: list[float], floors: list[float] | None = None) -> Durations:
    return Durations(
        np.array(values), np.array(floors or [0.0] * len(values)), np.arange(len(values))
    )


@UNTIMED
@given(
    values=st.lists(st.one_of(st.floats(0, 100), st.just(INF)), min_size=1, max_size=60),
    percent=st.sampled_from([1, 50, 90, 99, 100]),
)
def test_a_percentile_is_the_smallest_sample_that_enough_are_not_above(
    values: list[float], percent: int
) -> None:
    assert percentile(np.array(values), percent) == plain_percentile(values, percent)


@pytest.mark.parametrize(
    ("count", "percent", "wanted"),
    [
        (1, 50, 0),
        (2, 50, 0),
        (3, 50, 1),
        (100, 99, 98),
        (101, 99, 99),
        (10, 100, 9),
        (1000, 99, 989),
    ],
)
def test_the_rank_is_exact(count: int, percent: float, wanted: int) -> None:
    assert rank(count, percent) == wanted


def test_no_samples_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no samples"):
        percentile(np.empty(0), 50)
    with pytest.raises(ValueError, match="no samples"):
        quantiles(samples([]), (50.0,), seed=1)


def test_a_percentile_among_what_never_ended_is_beyond_the_longest_measured() -> None:
    [median, worst] = quantiles(samples([1.0, 2.0, 3.0, INF]), (50.0, 100.0), seed=1)
    assert (median.value, median.beyond) == (2.0, False)
    assert (worst.value, worst.beyond, worst.interval) == (3.0, True, None)


def test_the_bound_is_what_all_that_never_ended_are_known_to_have_lasted() -> None:
    assert bound_s(samples([1.0, INF, INF], [0.0, 12.0, 10.0])) == 10.0
    assert bound_s(samples([INF], [4.0])) == 4.0
    assert bound_s(samples([30.0, INF], [0.0, 10.0])) == 30.0


def test_nineteen_of_twenty_intervals_hold_the_true_median() -> None:
    holding = 0
    for seed in range(100):
        values = np.random.default_rng(seed).exponential(1.0, 1000)
        [found] = quantiles(Durations(values, values, np.arange(1000) % 100), (50.0,), seed=1)
        assert found.interval is not None
        low, high = found.interval
        assert high - low < 0.3
        holding += low < np.log(2) < high
    assert 88 <= holding <= 99


def test_dependent_samples_make_the_interval_wider() -> None:
    rng = np.random.default_rng(6)
    cluster = np.repeat(np.arange(20), 50)
    values = rng.exponential(1.0, 20)[cluster] + rng.exponential(0.1, 1000)
    [together] = quantiles(Durations(values, values, cluster), (50.0,), seed=1)
    [alone] = quantiles(Durations(values, values, np.arange(1000)), (50.0,), seed=1)
    assert together.interval is not None
    assert alone.interval is not None
    assert together.interval[1] - together.interval[0] > 2 * (alone.interval[1] - alone.interval[0])


def test_the_same_seed_gives_the_same_interval() -> None:
    hits, of = np.array([1.0, 0.0, 2.0, 0.0]), np.array([4.0, 4.0, 4.0, 4.0])
    clusters = np.arange(4)
    first = ratio_interval(hits, of, clusters, seed=9)
    assert first == ratio_interval(hits, of, clusters, seed=9)
    assert first is not None
    assert first[0] <= 3 / 16 <= first[1]


def test_one_cluster_has_no_interval() -> None:
    one = np.ones(5)
    assert ratio_interval(one, one, np.zeros(5, dtype=np.int64), seed=1) is None
    [found] = quantiles(Durations(one, one, np.zeros(5, dtype=np.int64)), (50.0,), seed=1)
    assert found.interval is None
