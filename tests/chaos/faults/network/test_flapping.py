from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.faults.model import Disable
from harness.errors import UsageError
from tests.chaos.faults.network.parsed import one


def test_it_is_down_first_and_then_in_turns_until_its_end() -> None:
    stages = one("flapping", down_s=4, up_s=5).stages
    assert [(stage.after_s, stage.changes) for stage in stages] == [
        (0, (Disable(),)),
        (4, ()),
        (9, (Disable(),)),
        (13, ()),
        (18, (Disable(),)),
    ]


@given(
    down_s=st.floats(0.5, 5), up_s=st.floats(0.5, 5), spread_s=st.floats(0, 0.4), seed=st.integers()
)
def test_a_period_is_off_by_no_more_than_the_spread(
    down_s: float, up_s: float, spread_s: float, seed: int
) -> None:
    fault = one("flapping", down_s=down_s, up_s=up_s, spread_s=spread_s, seed=seed)
    for number, (stage, following) in enumerate(pairwise(fault.stages)):
        planned_s = up_s if number % 2 else down_s
        assert abs(following.after_s - stage.after_s - planned_s) <= spread_s + 0.002
    assert fault.stages[-1].after_s < fault.for_s


def test_the_periods_follow_from_the_seed() -> None:
    keys: dict[str, Any] = {"down_s": 1, "up_s": 2, "spread_s": 0.5}
    assert one("flapping", **keys).stages == one("flapping", **keys).stages
    assert one("flapping", **keys).stages != one("flapping", seed=2, **keys).stages


def test_a_spread_that_would_swallow_a_period_is_refused() -> None:
    with pytest.raises(UsageError, match=r"spread_s = 1 leaves less than 0\.1 s of the shorter"):
        one("flapping", down_s=1, up_s=2, spread_s=1)


def test_it_hits_every_connection() -> None:
    with pytest.raises(UsageError, match="flapping hits every connection"):
        one("flapping", down_s=1, up_s=2, share=0.5)
