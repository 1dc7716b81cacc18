"""The stalls that a lossy line gives a TCP connection."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.faults.network.loss import RTO_MIN_S, Loss, Stall
from chaos.toxiproxy.model import Toxic
from harness.errors import UsageError
from tests.chaos.faults.network.parsed import one

LONG_S = 20_000.0


def drawn(for_s: float = LONG_S, seed: int = 1, **keys: float) -> list[Stall]:
    loss = Loss(**{"loss_percent": 5, "rtt_ms": 100, **keys})  # type: ignore[arg-type]
    return list(loss.stalls(Random(seed), for_s))


def lengths(stalls: list[Stall]) -> list[float]:
    return [round(stall.end_s - stall.begin_s, 6) for stall in stalls]


def test_a_quiet_line_waits_for_the_timer_and_doubles_it_with_every_repetition_lost() -> None:
    timer_s = 0.1 + RTO_MIN_S
    found = lengths(drawn(loss_percent=20, segments_per_s=20)[:-1])
    chains = {round(timer_s * (2 ** (tries + 1) - 1), 6): tries for tries in range(12)}
    tries = [chains[length_s] for length_s in found]  # no other length is there
    for number in range(3):
        more = sum(each > number for each in tries)
        assert more / sum(each >= number for each in tries) == pytest.approx(0.2, abs=0.04)


def test_a_busy_line_notices_a_loss_within_a_round_trip_unless_the_repetition_is_lost() -> None:
    found = lengths(drawn(loss_percent=10, rtt_ms=150, segments_per_s=200, for_s=2_000)[:-1])
    quick = sum(length_s == 0.15 for length_s in found)
    assert quick / len(found) == pytest.approx(0.9, abs=0.04)
    assert min(length_s for length_s in found if length_s != 0.15) == pytest.approx(0.35)


@pytest.mark.parametrize("loss_percent", [1, 5, 30])
def test_as_many_segments_pass_between_losses_as_the_rate_says(loss_percent: float) -> None:
    found = drawn(loss_percent=loss_percent, segments_per_s=20)
    between_s = [after.begin_s - before.end_s for before, after in pairwise(found)]
    segments = 40 * sum(between_s) / len(between_s)  # 20 a second in each direction
    assert segments == pytest.approx(100 / loss_percent, rel=0.15)


def test_both_directions_have_their_losses() -> None:
    up = sum(stall.stream == "upstream" for stall in drawn())
    assert up / len(drawn()) == pytest.approx(0.5, abs=0.05)


@given(
    loss_percent=st.floats(5, 50),
    rtt_ms=st.integers(150, 5_000),
    segments_per_s=st.floats(20, 200),
    seed=st.integers(),
)
def test_stalls_never_touch_and_end_with_the_fault(
    loss_percent: float, rtt_ms: int, segments_per_s: float, seed: int
) -> None:
    keys = {"loss_percent": loss_percent, "rtt_ms": rtt_ms, "segments_per_s": segments_per_s}
    fault = one("loss", for_s=20, seed=seed, **keys)
    for number, (stage, following) in enumerate(pairwise(fault.stages)):
        assert following.after_s - stage.after_s >= 0.019
        assert bool(stage.changes) is (number % 2 == 1)
        for toxic in stage.changes:
            assert isinstance(toxic, Toxic)
            assert (toxic.type, toxic.attributes) == ("bandwidth", {"rate": 0})
    assert fault.stages[-1].after_s < 20


def test_a_probe_in_the_first_two_thirds_of_the_shortest_stall_shows_it() -> None:
    quiet = one("loss", loss_percent=5, rtt_ms=100).fault.evidence()
    busy = one("loss", loss_percent=5, rtt_ms=150, segments_per_s=100).fault.evidence()
    assert quiet.slower_by_s == pytest.approx(0.1)
    assert busy.slower_by_s == pytest.approx(0.05)


def test_stalls_too_short_to_be_felt_are_refused_with_what_would_do() -> None:
    with pytest.raises(UsageError) as caught:
        one("loss", loss_percent=5, rtt_ms=100, segments_per_s=50)
    assert str(caught.value) == (
        "x.toml: faults[0]: 50 segments a second notice a loss within rtt_ms = 100, too short to be"
        " felt; allowed: rtt_ms from 150 on, or segments_per_s below 30"
    )


def test_losses_that_the_seed_does_not_draw_are_no_fault() -> None:
    with pytest.raises(UsageError, match=r"faults\[0\]: loss would do nothing in 0\.1 s under"):
        one("loss", for_s=0.1, loss_percent=0.1, rtt_ms=100)


def test_a_share_is_refused_because_every_stall_would_pick_others() -> None:
    with pytest.raises(UsageError, match=r"share: loss changes on its way, .* anew"):
        one("loss", loss_percent=5, rtt_ms=100, share=0.5)
