"""What the benchmark of the layers makes of its rounds."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks.layers import LAYERS, MOST_TIMES_KERNEL, LayersCost, Round, costs


def rounds(*all_us: tuple[float, ...]) -> list[Round]:
    return [Round(cpu_us_per_delivery=one) for one in all_us]


def test_a_layer_adds_the_median_of_the_differences_within_a_round() -> None:
    slow_round = (10.0, 12.0, 13.0, 17.0, 20.0, 21.0, 22.0)
    quiet_round = tuple(us / 2 for us in slow_round)

    found = costs(rounds(quiet_round, quiet_round, slow_round))

    assert [one.layer for one in found] == [layer.name for layer in LAYERS]
    assert [one.adds_us for one in found] == [5.0, 1.0, 0.5, 2.0, 1.5, 0.5, 0.5]
    assert [one.cpu_us_per_delivery for one in found] == list(quiet_round)
    assert (found[-1].least_us, found[-1].most_us) == (11.0, 22.0)


@pytest.mark.parametrize(("times", "holds"), [(MOST_TIMES_KERNEL, True), (9.0, False)])
def test_it_is_gated_by_the_ratio_to_the_kernel(times: float, holds: bool) -> None:
    cost = LayersCost(
        users=500,
        messages_per_s=20.0,
        frame_bytes=777.0,
        rounds=1,
        cores=2,
        python="3.11",
        system="Linux",
        load_average=(0.0, 1.0),
        layers=costs(rounds((5.0,) * (len(LAYERS) - 1) + (5.0 * times,))),
    )

    assert cost.holds is holds
    assert msgspec.json.decode(msgspec.json.encode(cost), type=LayersCost) == cost
