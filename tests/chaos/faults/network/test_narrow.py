"""Bandwidth, slices and cuts: faults that only many bytes can show."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chaos.faults.network.bulk import MOST_BYTES
from chaos.toxiproxy.limits import check_toxic
from chaos.toxiproxy.model import Toxic
from harness.errors import UsageError
from tests.chaos.faults.network.parsed import one


def toxics_of(kind: str, **keys: Any) -> list[tuple[str, str, dict[str, int]]]:
    (stage,) = one(kind, **keys).stages
    return [
        (toxic.type, toxic.stream, toxic.attributes)
        for toxic in stage.changes
        if isinstance(toxic, Toxic)
    ]


def test_each_becomes_its_toxic_on_the_streams_of_its_direction() -> None:
    assert toxics_of("bandwidth", rate_kb_per_s=20) == [
        ("bandwidth", "upstream", {"rate": 20}),
        ("bandwidth", "downstream", {"rate": 20}),
    ]
    sliced = {"average_size": 50, "size_variation": 10, "delay": 2000}
    assert toxics_of(
        "sliced", average_bytes=50, variation_bytes=10, pause_us=2000, direction="upstream"
    ) == [("slicer", "upstream", sliced)]
    assert toxics_of("cut_after", after_bytes=700) == [("limit_data", "downstream", {"bytes": 700})]
    assert toxics_of("slow_close", delay_ms=900, direction="downstream") == [
        ("slow_close", "downstream", {"delay": 900})
    ]


@given(rate=st.integers(1, 100))
def test_the_bulk_for_a_narrow_line_takes_it_twice_as_long_as_must_show(rate: int) -> None:
    evidence = one("bandwidth", rate_kb_per_s=rate).fault.evidence()
    assert evidence.kinds == {"bulk"}
    assert evidence.bulk_bytes is not None
    assert evidence.slower_by_s is not None
    assert evidence.bulk_bytes <= MOST_BYTES
    assert evidence.bulk_bytes / (rate * 1000) >= 2 * evidence.slower_by_s


@given(
    average=st.integers(1, 5_000), variation=st.integers(0, 4_999), pause=st.integers(1_000, 10**6)
)
def test_the_bulk_for_slices_has_pauses_enough_to_show(
    average: int, variation: int, pause: int
) -> None:
    assume(variation < average)
    assume((average + variation) * 10**6 / pause <= 100_000)
    fault = one("sliced", average_bytes=average, variation_bytes=variation, pause_us=pause)
    for toxic in fault.stages[0].changes:
        assert isinstance(toxic, Toxic)
        check_toxic(toxic)
    evidence = fault.fault.evidence()
    assert evidence.bulk_bytes is not None
    assert evidence.slower_by_s is not None
    assert evidence.bulk_bytes <= MOST_BYTES
    fewest_pieces = evidence.bulk_bytes // (average + variation)
    assert (fewest_pieces - 1) * pause / 10**6 >= evidence.slower_by_s


def test_the_bulk_for_a_cut_reaches_it() -> None:
    assert one("cut_after", after_bytes=30_000).fault.evidence().bulk_bytes == 30_000


@pytest.mark.parametrize(("direction", "late_s"), [("both", 0.8), ("upstream", 0.4)])
def test_a_goodbye_is_late_once_for_each_direction(direction: str, late_s: float) -> None:
    evidence = one("slow_close", delay_ms=800, direction=direction).fault.evidence()
    assert evidence.kinds == {"close"}
    assert evidence.slower_by_s == late_s


@pytest.mark.parametrize(
    ("kind", "keys", "line"),
    [
        (
            "bandwidth",
            {"rate_kb_per_s": 0},
            "faults[0].rate_kb_per_s: 0 is not allowed;"
            " allowed: a whole number of kilobytes a second from 1 to 100",
        ),
        (
            "sliced",
            {"average_bytes": 10, "variation_bytes": 10},
            "faults[0]: variation_bytes = 10 is not below average_bytes = 10",
        ),
        (
            "sliced",
            {"average_bytes": 4_000, "pause_us": 1_000},
            "faults[0]: average_bytes = 4000 with pause_us = 1000 is too fast to be felt;"
            " allowed: pause_us from 40000 on",
        ),
        (
            "cut_after",
            {"after_bytes": 40_001},
            "faults[0].after_bytes: 40001 is not allowed;"
            " allowed: a whole number of bytes from 1 to 40000",
        ),
        (
            "slow_close",
            {"delay_ms": 99},
            "faults[0].delay_ms: 99 is not allowed;"
            " allowed: a whole number of milliseconds from 100 to 600000",
        ),
    ],
)
def test_what_could_not_be_felt_is_refused(kind: str, keys: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        one(kind, **keys)
    assert str(caught.value) == f"x.toml: {line}"
