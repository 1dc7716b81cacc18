from __future__ import annotations

from harness.server.realtime.channels.sweep import Sweep
from harness.server.realtime.effects import Drop


def test_a_socket_without_channels_is_cut_off_at_the_next_round() -> None:
    sweep = Sweep()
    sweep.unused(1, 650.0, 600.0)
    sweep.unused(2, 1199.0, 600.0)

    assert sweep.next_s == 1200.0
    assert sweep.sweep(1199.9) == []
    assert sweep.sweep(1200.0) == [Drop(1), Drop(2)]
    assert sweep.next_s is None


def test_a_socket_that_joins_again_stays() -> None:
    sweep = Sweep()
    sweep.unused(1, 0.0, 600.0)
    sweep.in_use(1)

    assert sweep.next_s is None
    assert sweep.sweep(600.0) == []


def test_a_round_that_is_planned_anew_is_at_a_multiple_of_the_new_period() -> None:
    sweep = Sweep()
    sweep.unused(1, 7.0, 600.0)
    sweep.plan(8.0, 5.0)

    assert sweep.next_s == 10.0
    assert sweep.sweep(10.0) == [Drop(1)]
