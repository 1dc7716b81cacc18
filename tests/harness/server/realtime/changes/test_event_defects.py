from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.server.defects import Defect
from harness.server.knobs import Knobs
from harness.server.realtime.changes.event_defects import (
    REORDER_WITHIN_S,
    EventDefects,
    rebroadcast,
)
from harness.server.storage.model import Change
from harness.server.switches import Switches
from tests.harness.server.builders import change, row


def inserts(first: int, last: int, room: int = 42) -> list[Change]:
    return [change(seq=seq, row_id=seq, room=room) for seq in range(first, last + 1)]


def defects(*names: Defect) -> EventDefects:
    return EventDefects(Switches(Knobs(), frozenset(names)))


def seqs(changes: list[Change]) -> list[int]:
    return [one.commit.seq for one in changes]


def test_event_lost_loses_every_twentieth_insert_and_nothing_else() -> None:
    one = defects(Defect.EVENT_LOST)

    out = one.passed([*inserts(1, 40), change("UPDATE", seq=41)], 0.0)

    assert seqs(out) == [seq for seq in range(1, 42) if seq not in (20, 40)]


def test_rebroadcasts_neither_count_for_event_lost_nor_are_lost() -> None:
    one = defects(Defect.EVENT_LOST)
    again = rebroadcast(row(), 0.0)

    out = one.passed([*inserts(1, 18), again, again, *inserts(19, 21)], 0.0)

    assert seqs(out) == [*range(1, 19), 0, 0, 19, 21]


def test_event_twice_sends_each_change_twice() -> None:
    assert seqs(defects(Defect.EVENT_TWICE).passed(inserts(1, 2), 0.0)) == [1, 1, 2, 2]


def test_delete_not_sent_keeps_only_deletes_back() -> None:
    stream = [change("INSERT", seq=1), change("DELETE", seq=2), change("UPDATE", seq=3)]

    assert seqs(defects(Defect.DELETE_NOT_SENT).passed(stream, 0.0)) == [1, 3]


def test_reordered_pairs_are_swapped_room_by_room() -> None:
    one = defects(Defect.EVENTS_REORDERED)
    mixed = [*inserts(1, 2), *inserts(11, 11, room=7), *inserts(3, 4), *inserts(12, 12, room=7)]

    assert seqs(one.passed(mixed, 0.0)) == [2, 1, 4, 3, 12, 11]


def test_what_nothing_overtakes_is_sent_after_a_while() -> None:
    one = defects(Defect.EVENTS_REORDERED)

    assert one.passed(inserts(1, 1), 5.0) == []
    assert one.due_s == 5.0 + REORDER_WITHIN_S
    assert seqs(one.passed([], one.due_s)) == [1]
    assert one.due_s is None


def test_a_defect_that_is_switched_off_lets_go_of_what_it_held_in_its_place() -> None:
    switches = Switches(Knobs(), frozenset({Defect.EVENTS_REORDERED}))
    one = EventDefects(switches)
    one.passed([*inserts(1, 1), *inserts(11, 11, room=7)], 0.0)
    switches.defects = frozenset()

    assert one.due_s is not None
    assert one.due_s < 0.1
    assert seqs(one.passed(inserts(2, 3), 0.1)) == [1, 2, 3, 11]
    assert one.due_s is None


STREAM_DEFECTS = [
    *(Defect.EVENT_LOST, Defect.EVENT_TWICE, Defect.EVENTS_REORDERED),
    Defect.DELETE_NOT_SENT,
]


@given(
    names=st.sets(st.sampled_from(STREAM_DEFECTS)),
    batches=st.lists(st.integers(0, 30), max_size=8),
)
def test_any_defects_together_lose_and_double_only_what_they_say(
    names: set[Defect], batches: list[int]
) -> None:
    one = defects(*names)
    seq, now_s, out = 0, 0.0, []
    for count in batches:
        out += one.passed(inserts(seq + 1, seq + count), now_s)
        seq, now_s = seq + count, now_s + 0.1
    out += one.passed([], now_s + REORDER_WITHIN_S)

    lost = range(20, seq + 1, 20) if Defect.EVENT_LOST in names else ()
    copies = 2 if Defect.EVENT_TWICE in names else 1
    expected = [number for number in range(1, seq + 1) if number not in lost] * copies
    assert sorted(seqs(out)) == sorted(expected)


@pytest.mark.parametrize("defect", list(Defect))
def test_without_its_switch_no_defect_changes_the_stream(defect: Defect) -> None:
    stream = [*inserts(1, 40), change("UPDATE", seq=41), change("DELETE", seq=42)]
    one = EventDefects(Switches(Knobs(), frozenset({defect}) - set(STREAM_DEFECTS)))

    assert one.passed(stream, 0.0) == stream
