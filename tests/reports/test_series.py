"""Curves are means over seconds; points keep the slowest."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.records import ChannelChanged, Delivery, FallbackOff, FallbackOn, Fate, Path
from reports.evidence import gather
from reports.series import MOST_POINTS, draw_series, occupancy
from reports.spans import Spans
from tests.support.small_history import UNTIMED, Raw, committed, history, opened, planned


@UNTIMED
@given(parts=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=10))
def test_occupancy_is_the_mean_number_of_open_spans(parts: list[tuple[int, int]]) -> None:
    quarters = [(min(part), max(part)) for part in parts]
    found = occupancy(
        Spans(
            np.zeros(len(quarters), dtype=np.int64),
            np.array([a / 4 for a, _ in quarters], dtype=np.float64),
            np.array([b / 4 for _, b in quarters], dtype=np.float64),
        ),
        2.0,
        5,
    )
    wanted = [
        sum(a <= quarter < b for a, b in quarters for quarter in range(4 * s, 4 * s + 4)) / 4
        for s in range(2, 7)
    ]
    assert found.tolist() == wanted


def test_every_user_is_live_polling_or_dark_and_nothing_twice() -> None:
    raw = Raw(
        (),
        (),
        (),
        (
            opened(0),
            opened(1),
            ChannelChanged(t_s=96.0, user=0, status="live"),
            FallbackOn(t_s=101.0, user=0, reason="silence"),
            FallbackOff(t_s=102.5, user=0),
        ),
    )
    series = draw_series(gather(history(raw)))
    assert series.users_live[:4] == (1.0, 0.0, 0.5, 1.0)
    assert series.users_fallback[:4] == (0.0, 1.0, 0.5, 0.0)
    assert set(series.users_dark) == {1.0}
    assert len(series.second_s) == 60


def test_of_too_many_points_the_slowest_of_each_second_are_kept() -> None:
    count = MOST_POINTS + 500
    commits = [committed(1, 5, "m0-0", 110.0)]
    users = [opened(user) for user in range(count)]
    deliveries = [
        Delivery(110.25 if user else 114.0, user, 5, Path.REALTIME, Fate.SHOWN)
        for user in range(count)
    ]
    raw = Raw((planned(0, 0, 10.0),), tuple(commits), tuple(sorted(deliveries)), tuple(users))
    points = draw_series(gather(history(raw))).deliveries
    assert len(points) == MOST_POINTS
    assert max(point.delay_s for point in points) == 4.0
    assert points[0].at_s == 10.0
