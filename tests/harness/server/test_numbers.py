from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.server.numbers import whole_number

MAX = 2**63 - 1
numbers = st.integers(0, MAX)


@given(numbers, numbers, numbers)
def test_a_number_counts_within_its_bounds_alone(number: int, least: int, most: int) -> None:
    expected = number if least <= number <= most else None

    assert whole_number(str(number), least, most) == expected


@pytest.mark.parametrize("text", ["", " 1", "1\n", "+1", "-1", "1.0", "1_0", "٣", "9" * 100_000])
def test_what_is_no_bare_number_of_a_sane_length_is_none(text: str) -> None:
    assert whole_number(text, 0, MAX) is None
