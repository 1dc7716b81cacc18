"""The shapes of the load."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.arrivals import arrivals, rate_of
from scenarios.demand import Load

SEEDS = st.integers(0, 2**53)
LOAD_S = 1_000.0


def shape(**keys: Any) -> Load:
    return Load(users=1, spawn_rate=1, room_size=1, **keys)


POISSON = shape(messages_per_s_per_room=5.0)
RAMP = shape(arrivals="ramp", messages_per_s_per_room=1.0, peak_messages_per_s_per_room=9.0)
DIURNAL = shape(arrivals="diurnal", messages_per_s_per_room=1.0, peak_messages_per_s_per_room=9.0)
BURSTS = shape(
    arrivals="bursts",
    messages_per_s_per_room=3.0,
    burst_every_s=100.0,
    burst_lasts_s=10.0,
    burst_messages=200.0,
)


def within(moments: list[float], begin_s: float, end_s: float) -> int:
    return sum(begin_s <= moment < end_s for moment in moments)


def is_near(count: int, mean: float) -> bool:
    """Within six standard deviations of a Poisson count."""
    return abs(count - mean) < 6 * math.sqrt(mean)


@settings(max_examples=10)
@given(SEEDS, st.sampled_from([POISSON, RAMP, DIURNAL, BURSTS]))
def test_moments_rise_within_the_load_and_repeat(seed: int, load: Load) -> None:
    moments = list(arrivals(load, LOAD_S, Random(seed)))

    assert moments == sorted(moments)
    assert moments[0] >= 0
    assert moments[-1] < LOAD_S
    assert moments == list(arrivals(load, LOAD_S, Random(seed)))


@settings(max_examples=10)
@given(SEEDS)
def test_poisson_arrivals_come_at_the_asked_rate(seed: int) -> None:
    assert is_near(len(list(arrivals(POISSON, LOAD_S, Random(seed)))), 5_000)


@given(SEEDS, st.floats(0.1, 20.0))
def test_constant_arrivals_have_equal_gaps_and_a_phase(seed: int, rate: float) -> None:
    load = shape(messages_per_s_per_room=rate, arrivals="constant")

    moments = list(arrivals(load, 30.0, Random(seed)))

    assert 0 <= moments[0] < 1 / rate
    assert all(b - a == pytest.approx(1 / rate) for a, b in pairwise(moments))
    assert 30.0 - moments[-1] <= 1 / rate + 1e-9


@settings(max_examples=10)
@given(SEEDS)
def test_a_ramp_rises_in_a_line(seed: int) -> None:
    moments = list(arrivals(RAMP, LOAD_S, Random(seed)))

    # The mean rate of each quarter of a line from 1 to 9 a second.
    for quarter, rate in enumerate((2.0, 4.0, 6.0, 8.0)):
        assert is_near(within(moments, quarter * 250.0, quarter * 250.0 + 250.0), rate * 250)


@settings(max_examples=10)
@given(SEEDS)
def test_a_diurnal_load_is_highest_in_its_middle_and_even_on_both_sides(seed: int) -> None:
    moments = list(arrivals(DIURNAL, LOAD_S, Random(seed)))

    assert is_near(len(moments), 5.0 * LOAD_S)
    assert is_near(within(moments, 0.0, 500.0), 2_500)
    # The mean of 5 - 4 cos over the middle fifth is 5 + 4 sin(pi / 5) / (pi / 5).
    assert is_near(within(moments, 400.0, 600.0), 8.742 * 200)


@settings(max_examples=10)
@given(SEEDS)
def test_bursts_add_their_messages_and_leave_the_rest_alone(seed: int) -> None:
    moments = list(arrivals(BURSTS, LOAD_S, Random(seed)))

    inside = sum(within(moments, k * 100.0, k * 100.0 + 10.0) for k in range(1, 10))
    assert is_near(inside, 9 * (200 + 30))
    assert is_near(within(moments, 0.0, 100.0), 300)
    assert is_near(len(moments) - inside, 3 * (1_000 - 90))


def test_recorded_moments_come_as_written_those_after_the_end_too() -> None:
    load = shape(arrivals="recorded", recorded_s=(0.5, 0.5, 40.0))

    assert list(arrivals(load, 30.0, Random(1))) == [0.5, 0.5, 40.0]


@given(st.floats(0, LOAD_S), st.sampled_from([POISSON, RAMP, DIURNAL, BURSTS]))
def test_no_rate_is_ever_above_the_highest(at_s: float, load: Load) -> None:
    """What thinning rests on, and what the capacity of a room is held against."""
    assert load.base <= rate_of(load, LOAD_S)(at_s) <= load.highest * (1 + 1e-12)
