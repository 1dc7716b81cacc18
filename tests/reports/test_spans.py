"""Interval arithmetic against membership, moment by moment."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reports.spans import Spans, from_switches, minus, union
from tests.support.small_history import UNTIMED

OWNERS = 3
GRID = np.arange(0, 20) + 0.5
pairs = st.tuples(st.integers(0, OWNERS - 1), st.integers(0, 20), st.integers(0, 20))
some_spans = st.lists(pairs, max_size=12).map(
    lambda found: spans(*((o, min(a, b), max(a, b)) for o, a, b in found if a != b))
)


def spans(*parts: tuple[int, float, float]) -> Spans:
    return Spans(
        np.array([p[0] for p in parts], dtype=np.int64),
        np.array([p[1] for p in parts], dtype=np.float64),
        np.array([p[2] for p in parts], dtype=np.float64),
    )


def covered(found: Spans) -> set[tuple[int, float]]:
    return {
        (owner, float(t))
        for t in GRID
        for owner in np.flatnonzero(found.contains(OWNERS, float(t))).tolist()
    }


@UNTIMED
@given(found=some_spans)
def test_a_union_covers_the_same_moments_without_overlap(found: Spans) -> None:
    whole = union(found)
    assert covered(whole) == covered(found)
    assert whole.seconds(OWNERS).sum() == len(covered(found))


@UNTIMED
@given(found=some_spans, holes=some_spans)
def test_a_difference_covers_what_the_holes_do_not(found: Spans, holes: Spans) -> None:
    left = minus(union(found), union(holes))
    assert covered(left) == covered(found) - covered(holes)
    assert left.seconds(OWNERS).sum() == len(covered(left))


@UNTIMED
@given(found=some_spans, begin=st.integers(0, 20), end=st.integers(0, 20))
def test_clipping_keeps_the_moments_inside(found: Spans, begin: int, end: int) -> None:
    inside = {(owner, t) for owner, t in covered(found) if begin <= t < end}
    assert covered(found.clipped(begin, end)) == inside


def test_a_span_contains_its_begin_and_not_its_end() -> None:
    found = spans((0, 2.0, 4.0))
    assert [bool(found.contains(1, t)[0]) for t in (1.9, 2.0, 3.9, 4.0)] == [
        False,
        True,
        True,
        False,
    ]


def test_switches_become_spans_up_to_the_next_switch_or_the_end() -> None:
    found = from_switches(
        np.array([0, 1, 0, 0, 0]),
        np.array([1.0, 2.0, 3.0, 4.0, 6.0]),
        np.array([True, True, True, False, True]),
        9.0,
    )
    assert list(zip(found.owner, found.begin_s, found.end_s, strict=True)) == [
        (0, 1.0, 4.0),
        (0, 6.0, 9.0),
        (1, 2.0, 9.0),
    ]
