from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.server.storage.commit_times import Offset, better, committed_s, measured

TIMES = st.floats(0, 1e6)
STEPS = st.floats(0, 1)


@given(asked_s=TIMES, there_s=STEPS, back_s=STEPS, true_s=st.floats(-1e6, 1e6))
def test_the_true_offset_is_within_its_uncertainty(
    asked_s: float, there_s: float, back_s: float, true_s: float
) -> None:
    answer_unix_s = asked_s + there_s + true_s
    offset = measured(asked_s, answer_unix_s, asked_s + there_s + back_s)

    assert abs(offset.value_s - true_s) <= offset.uncertainty_s + 1e-6


def test_the_surer_offset_is_kept() -> None:
    sure, unsure = Offset(100.0, 0.001, 0.0), Offset(100.02, 0.03, 1.0)

    assert better(sure, unsure) is sure


def test_a_measurement_grows_less_sure_with_time() -> None:
    old, new = Offset(100.0, 0.001, 0.0), Offset(100.001, 0.002, 100.0)

    assert better(old, new) is new


def test_a_clock_that_was_set_is_believed() -> None:
    sure, after = Offset(100.0, 0.001, 0.0), Offset(160.0, 0.03, 1.0)

    assert better(sure, after) is after


def test_a_stamp_becomes_a_monotonic_moment() -> None:
    assert committed_s(1005.0, Offset(1000.0, 0.0, 0.0), previous_s=4.0, now_s=6.0) == 5.0


@given(stamps=st.lists(TIMES, min_size=2), now_s=TIMES)
def test_moments_never_fall_and_are_never_in_the_future(stamps: list[float], now_s: float) -> None:
    previous_s = float("-inf")
    for stamp in stamps:
        at_s = committed_s(stamp, Offset(0.0, 0.0, 0.0), previous_s, now_s)
        assert previous_s <= at_s <= now_s
        previous_s = at_s
