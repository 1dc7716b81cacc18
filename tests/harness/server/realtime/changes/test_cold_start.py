from __future__ import annotations

from harness.server.knobs import Knobs
from harness.server.realtime.changes.cold_start import ChangeStream
from harness.server.switches import Switches

STOP_S = 600.0
COLD_S = 2.0


def stream() -> ChangeStream:
    return ChangeStream(Switches(Knobs(cold_start_s=COLD_S, cdc_stop_after_s=STOP_S)))


def test_who_comes_first_and_who_comes_meanwhile_wait_for_one_cold_start() -> None:
    one = stream()

    assert one.wanted(10.0) == 12.0
    assert one.wanted(11.0) == 12.0
    assert one.wanted(13.0) == 13.0


def test_it_starts_anew_long_after_the_last_subscriber() -> None:
    one = stream()
    one.wanted(0.0)
    one.used(2.0, by_anybody=True)
    assert one.wanted(5000.0) == 5000.0

    one.used(6000.0, by_anybody=False)
    assert one.wanted(6000.0 + STOP_S - 1) == 6000.0 + STOP_S - 1
    assert one.wanted(6000.0 + STOP_S) == 6000.0 + STOP_S + COLD_S


def test_joins_that_never_subscribe_do_not_keep_it_running() -> None:
    one = stream()
    one.wanted(0.0)

    assert one.wanted(COLD_S + STOP_S) == COLD_S + STOP_S + COLD_S
