from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.toxiproxy.limits import check_toxic
from chaos.toxiproxy.model import Toxic, ToxicType
from harness.errors import LocalProtocolError

GOOD: dict[ToxicType, dict[str, int]] = {
    "latency": {"latency": 0, "jitter": 10},
    "bandwidth": {"rate": 0},
    "slow_close": {"delay": 5},
    "timeout": {"timeout": 0},
    "reset_peer": {"timeout": 0},
    "slicer": {"average_size": 64, "size_variation": 63, "delay": 10},
    "limit_data": {"bytes": 1},
}


def toxic(kind: ToxicType, toxicity: float = 1.0, **attributes: int) -> Toxic:
    return Toxic(name="t", type=kind, stream="upstream", attributes=attributes, toxicity=toxicity)


@pytest.mark.parametrize("kind", get_args(ToxicType))
def test_each_type_of_toxic_has_values_that_pass(kind: ToxicType) -> None:
    check_toxic(toxic(kind, **GOOD[kind]))


@pytest.mark.parametrize("kind", get_args(ToxicType))
def test_a_misspelt_attribute_is_refused_with_the_right_names(kind: ToxicType) -> None:
    with pytest.raises(LocalProtocolError, match=sorted(GOOD[kind])[0]):
        check_toxic(toxic(kind, **GOOD[kind], rat=1))


@pytest.mark.parametrize("kind", get_args(ToxicType))
def test_a_missing_main_attribute_is_refused_because_the_server_would_take_zero(
    kind: ToxicType,
) -> None:
    with pytest.raises(LocalProtocolError, match="needs"):
        check_toxic(toxic(kind))


@given(st.sampled_from(sorted(GOOD)), st.integers(max_value=-1))
def test_no_attribute_may_be_negative(kind: ToxicType, value: int) -> None:
    for name in GOOD[kind]:
        with pytest.raises(LocalProtocolError, match=name):
            check_toxic(toxic(kind, **{**GOOD[kind], name: value}))


@given(st.floats(allow_nan=True))
def test_toxicity_must_be_a_probability(toxicity: float) -> None:
    checked = toxic("bandwidth", toxicity, rate=1)
    if 0 <= toxicity <= 1:
        check_toxic(checked)
    else:
        with pytest.raises(LocalProtocolError, match="toxicity"):
            check_toxic(checked)


@given(st.integers(0, 100), st.integers(0, 100))
def test_a_slicer_passes_only_if_it_varies_by_less_than_its_size(size: int, variation: int) -> None:
    checked = toxic("slicer", average_size=size, size_variation=variation)
    if 0 <= variation < size:
        check_toxic(checked)
    else:
        with pytest.raises(LocalProtocolError):
            check_toxic(checked)
