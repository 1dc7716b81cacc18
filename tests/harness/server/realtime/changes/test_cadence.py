from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.server.knobs import Knobs
from harness.server.realtime.changes.cadence import Cadence
from harness.server.storage.model import Change
from harness.server.switches import Switches, Turn
from tests.harness.server.builders import change

IDLE_S = 0.5


def cadence(**knobs: object) -> Cadence:
    return Cadence(Switches(Knobs(**knobs)), Random(1))  # type: ignore[arg-type] # any knob


def changes(first: int, last: int) -> tuple[Change, ...]:
    return tuple(change(seq=seq, row_id=seq) for seq in range(first, last + 1))


def seqs(batch: list[Change]) -> list[int]:
    return [one.commit.seq for one in batch]


def test_an_idle_log_is_read_in_steps_of_half_a_second() -> None:
    one = cadence()

    one.committed(changes(1, 1), 10.2)

    assert one.due_s == pytest.approx(10.5)
    assert one.read(10.49) == []
    assert seqs(one.read(10.5)) == [1]


def test_the_idle_steps_begin_anew_after_a_read_that_was_of_interest() -> None:
    one = cadence()
    one.committed(changes(1, 1), 10.2)
    one.read(10.53)
    one.done(interested=True, now_s=10.53)

    assert one.due_s is None
    one.committed(changes(2, 2), 10.6)
    assert one.due_s == pytest.approx(10.53 + IDLE_S)


def test_more_than_a_read_takes_follows_at_once_if_it_was_of_interest() -> None:
    one = cadence(poll_max_changes=2)
    one.committed(changes(1, 5), 1.0)
    got = []
    while one.due_s is not None:
        got.append((one.due_s, seqs(one.read(one.due_s))))
        one.done(interested=True, now_s=got[-1][0])

    assert got == [(1.0, [1, 2]), (1.0, [3, 4]), (1.0, [5])]


def test_after_a_read_in_which_nobody_was_interested_the_next_comes_150_to_200_ms_later() -> None:
    one = cadence(poll_max_changes=1)
    one.committed(changes(1, 50), 1.0)
    gaps = []
    while one.due_s is not None:
        at_s = one.due_s
        one.read(at_s)
        one.done(interested=False, now_s=at_s)
        gaps += [] if one.due_s is None else [one.due_s - at_s]

    assert 0.15 <= min(gaps) < 0.16
    assert 0.19 < max(gaps) <= 0.2


def test_an_interval_of_zero_reads_at_once() -> None:
    one = cadence(poll_interval_s=0)
    for now_s, interested in ((1.23, True), (1.24, False), (7.0, True)):
        one.committed(changes(1, 1), now_s)
        assert one.due_s == now_s
        assert seqs(one.read(now_s)) == [1]
        one.done(interested=interested, now_s=now_s)


@pytest.mark.parametrize("op", ["INSERT", "UPDATE"])
def test_a_row_that_is_deleted_before_the_read_was_never_there(op: str) -> None:
    one = cadence(poll_max_changes=1)
    one.committed((change(op, row_id=7, seq=1),), 1.0)  # type: ignore[arg-type] # an Op
    one.committed((change("DELETE", row_id=7, seq=2),), 1.0)

    assert one.read(1.0) == []
    one.done(interested=False, now_s=1.0)
    assert one.due_s is not None
    assert seqs(one.read(one.due_s)) == [2]


def test_a_row_that_is_deleted_after_the_read_is_seen() -> None:
    one = cadence()
    one.committed(changes(1, 1), 1.0)

    assert seqs(one.read(1.0)) == [1]
    one.done(interested=True, now_s=1.0)
    one.committed((change("DELETE", row_id=1, seq=2),), 1.1)
    assert seqs(one.read(2.0)) == [2]


@given(
    arrivals=st.lists(st.tuples(st.floats(0, 3), st.integers(1, 5), st.booleans()), max_size=30),
    max_changes=st.integers(1, 4),
)
def test_every_change_is_read_once_in_order_and_never_late(
    arrivals: list[tuple[float, int, bool]], max_changes: int
) -> None:
    one = cadence(poll_max_changes=max_changes)
    now_s, seq, got = 0.0, 0, []

    def read_until(until_s: float, interested: bool) -> None:
        while one.due_s is not None and one.due_s <= until_s:
            at_s = one.due_s
            got.extend(seqs(one.read(at_s)))
            one.done(interested=interested, now_s=at_s)

    for gap_s, count, interested in arrivals:
        now_s += gap_s
        read_until(now_s, interested)
        one.committed(changes(seq + 1, seq + count), now_s)
        seq += count
        assert one.due_s is not None
        assert one.due_s <= now_s + IDLE_S + 1e-9
    read_until(1e9, True)

    assert got == list(range(1, seq + 1))


def test_a_delete_that_was_read_hides_nothing_that_comes_later() -> None:
    one = cadence()
    one.committed((change("DELETE", row_id=7, seq=1),), 1.0)
    one.read(1.0)
    one.done(interested=True, now_s=1.0)

    one.committed((change(row_id=7, seq=2),), 1.1)

    assert seqs(one.read(1.5)) == [2]


def test_a_read_that_was_far_off_comes_as_soon_as_the_turned_knobs_say() -> None:
    switches = Switches(Knobs(poll_interval_s=1000.0))
    one = Cadence(switches, Random(1))
    one.committed(changes(1, 1), 1.0)
    assert one.due_s == 5000.0

    switches.turn(Turn({"poll_interval_s": 0.1}))
    one.turned(2.0)

    assert one.due_s == pytest.approx(2.5)


def test_an_interval_too_short_to_be_told_from_none_is_none() -> None:
    one = cadence(poll_interval_s=1e-300)

    one.committed(changes(1, 1), 1e6)

    assert one.due_s == 1e6
