"""A fault that comes on by degrees."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.faults.catalogue import CATALOGUE
from chaos.faults.model import Stage
from chaos.faults.parse import parse_faults
from chaos.faults.ramp import ramping
from chaos.faults.schedule import ScheduledFault
from chaos.toxiproxy.limits import check_toxic
from chaos.toxiproxy.model import Toxic
from harness.errors import UsageError


def fault(**keys: Any) -> ScheduledFault:
    table = {"name": "slow", "kind": "latency", "on": "api", "at_s": 5, "for_s": 10, **keys}
    if table["kind"] == "latency":
        table = {"latency_ms": 1000, **table}
    (found,) = parse_faults([table], where="x.toml", cohorts=("chrome",), seed=1)
    return found


def latencies(stage: Stage) -> list[int]:
    return [c.attributes["latency"] for c in stage.changes if isinstance(c, Toxic)]


def test_it_grows_in_equal_steps_and_then_holds() -> None:
    stages = fault(ramp_s=4, ramp_steps=4).stages
    assert [stage.after_s for stage in stages] == [0, 1, 2, 3]
    assert [latencies(stage) for stage in stages] == [[250] * 2, [500] * 2, [750] * 2, [1000] * 2]


def test_the_last_step_is_the_fault_without_a_ramp() -> None:
    assert fault(ramp_s=4).stages[-1].changes == fault().stages[0].changes


def test_five_steps_are_what_it_takes_unless_said_otherwise() -> None:
    assert len(fault(ramp_s=4).stages) == 5


def test_a_probe_is_held_to_the_first_step_so_that_it_can_be_proved_from_its_begin() -> None:
    assert fault().evidence.slower_by_s == 1
    assert fault(ramp_s=4, ramp_steps=4).evidence.slower_by_s == 0.25


def test_the_sentence_says_so_in_both_languages() -> None:
    sentence = fault(ramp_s=4).summary.sentence
    assert sentence.en.endswith("delayed by 1 s. It comes on in 5 steps over 4 s.")
    assert sentence.ko.endswith("1초 늦어집니다. 4초에 걸쳐 5단계로 심해집니다.")


@pytest.mark.parametrize("kind", [k for k, type_ in CATALOGUE.items() if ramping(type_)])
def test_the_number_that_ramps_is_a_field_of_its_kind(kind: str) -> None:
    number = ramping(CATALOGUE[kind])
    assert number is not None
    assert number.field in CATALOGUE[kind].__struct_fields__  # type: ignore[attr-defined]


@settings(deadline=None)
@given(
    latency_ms=st.integers(1, 600_000),
    ramp_s=st.floats(0.1, 12),
    ramp_steps=st.integers(2, 100),
    jitter_ms=st.integers(0, 50),
)
def test_a_ramp_that_is_not_refused_rises_all_the_way_and_never_crashes_toxiproxy(
    latency_ms: int, ramp_s: float, ramp_steps: int, jitter_ms: int
) -> None:
    keys = {"latency_ms": latency_ms, "jitter_ms": min(jitter_ms, latency_ms)}
    try:
        found = fault(ramp_s=ramp_s, ramp_steps=ramp_steps, **keys)
    except UsageError:
        return
    values = [latencies(stage)[0] for stage in found.stages]
    begins_s = [stage.after_s for stage in found.stages]
    assert len(values) == ramp_steps
    assert values[-1] == latency_ms
    assert values == sorted(set(values))
    assert begins_s[0] == 0
    assert begins_s == sorted(set(begins_s))
    assert begins_s[-1] < found.for_s
    for stage in found.stages:
        for change in stage.changes:
            assert isinstance(change, Toxic)
            check_toxic(change)


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"ramp_s": 12}, ".ramp_s: 12 is longer than the fault; allowed: up to 10"),
        (
            {"ramp_s": 0},
            ".ramp_s: 0 is not allowed; allowed: seconds, more than 0, up to for_s",
        ),
        ({"ramp_steps": 4}, ".ramp_s: missing; allowed: seconds, more than 0, up to for_s"),
        (
            {"ramp_s": 4, "ramp_steps": 1},
            ".ramp_steps: 1 is not allowed; allowed: a whole number from 2 to 100",
        ),
        (
            {"ramp_s": 1, "ramp_steps": 20},
            ".ramp_steps: 20 steps within 1 s are too close; allowed: up to 10, or a longer ramp_s",
        ),
        (
            {"ramp_s": 4, "latency_ms": 3},
            ".ramp_steps: 5 steps from latency_ms = 0 to 3 are not all different;"
            " allowed: fewer steps",
        ),
        (
            {"ramp_s": 4, "jitter_ms": 300},
            ".ramp_steps: on the way to latency_ms = 1000: jitter_ms = 300 is more than"
            " latency_ms = 200; allowed: fewer steps",
        ),
        (
            {"ramp_s": 4, "share": 0.5},
            ".share: latency changes on its way, and Toxiproxy picks the connections anew at"
            " every change; allowed: 1, or leave it out",
        ),
        (
            {"kind": "refused", "ramp_s": 4},
            ".ramp_s: refused has no number that could grow; allowed: with latency",
        ),
    ],
)
def test_a_bad_ramp_is_one_line_that_says_what_is_allowed(keys: dict[str, Any], line: str) -> None:
    with pytest.raises(UsageError) as caught:
        fault(**keys)
    assert str(caught.value).startswith(f"x.toml: faults[0]{line}")
