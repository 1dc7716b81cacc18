"""``[load]``: keys that do not fit the shape, or each other."""

from __future__ import annotations

import tomllib

import pytest

from harness.errors import UsageError
from scenarios.model import load_scenario, scenario_from, to_toml

RAMP = ("load.arrivals=ramp", "load.peak_messages_per_s_per_room=4")
BURSTS = (
    "load.arrivals=bursts",
    "load.burst_every_s=8",
    "load.burst_lasts_s=2",
    "load.burst_messages=10",
)
RECORDED = ("load.arrivals=recorded", "load.recorded_s=[1, 2.5]")


def error_of(*sets: str) -> str:
    with pytest.raises(UsageError) as caught:
        load_scenario("steady", sets=sets)
    text = str(caught.value)
    assert "\n" not in text
    return text.removeprefix("steady.toml with --set: load.")


@pytest.mark.parametrize("sets", [RAMP, BURSTS, RECORDED])
def test_a_shaped_scenario_reads_back_as_itself(sets: tuple[str, ...]) -> None:
    scenario = load_scenario("steady", sets=sets)

    assert scenario_from(tomllib.loads(to_toml(scenario)), where="again") == scenario


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        (RAMP[:1], "peak_messages_per_s_per_room: is missing; arrivals = ramp needs it"),
        (BURSTS[:2], "burst_lasts_s: is missing; arrivals = bursts needs it"),
        (RECORDED[:1], "recorded_s: is missing; arrivals = recorded needs it"),
        (
            RAMP[1:],
            "peak_messages_per_s_per_room: has no effect with arrivals = poisson; leave it out, "
            "or choose ramp or diurnal",
        ),
        (
            (*RAMP[:1], "load.peak_messages_per_s_per_room=1"),
            "peak_messages_per_s_per_room: 1 is below messages_per_s_per_room, 2; at least that",
        ),
        (
            (*BURSTS, "load.burst_lasts_s=8"),
            "burst_lasts_s: 8 is no shorter than burst_every_s; less than 8",
        ),
        (
            (*BURSTS, "load.burst_every_s=20"),
            "burst_every_s: 20 is too long for a load of 20 s, which would see no burst; less "
            "than 20",
        ),
        (
            (*RECORDED, "load.recorded_s=[2, 1]"),
            "recorded_s: 1 comes after 2; the moments must rise",
        ),
        (
            (*RECORDED, "load.recorded_s=[20, 21]"),
            "recorded_s: the first moment, 20, is after the load's end; less than 20",
        ),
        ((*RECORDED, "load.recorded_s=1"), "recorded_s: expected a list, got a whole number"),
        ((*RECORDED, "load.recorded_s=[]"), "recorded_s: expected a list of length >= 1"),
        (
            (*RAMP[:1], "load.peak_messages_per_s_per_room=26"),
            "peak_messages_per_s_per_room: 26 is too much for a room of 25, whose send button is "
            "disabled for 1 s after each message (S6); at most 25",
        ),
        (
            (*BURSTS, "load.burst_messages=60"),
            "burst_messages: 60 is too much for a room of 25, whose send button is disabled for "
            "1 s after each message (S6); at most 46",
        ),
    ],
)
def test_a_mistake_is_one_line(sets: tuple[str, ...], expected: str) -> None:
    assert error_of(*sets) == expected
