from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.server.defect_notes import defect_notes
from harness.server.defects import Defect


@given(st.sets(st.sampled_from(Defect), max_size=1))
def test_a_defect_alone_needs_no_note(planted: set[Defect]) -> None:
    assert defect_notes(frozenset(planted)) == []


@given(st.sets(st.sampled_from(Defect)))
def test_notes_are_of_planted_defects_only_a_line_for_a_pair(planted: set[Defect]) -> None:
    notes = defect_notes(frozenset(planted))
    pairs = [line.partition(":")[0].split(" can do nothing beside ") for line in notes]

    assert {name for pair in pairs for name in pair} <= planted
    assert len({tuple(pair) for pair in pairs}) == len(notes)
    assert not any("\n" in line for line in notes)


@pytest.mark.parametrize(
    ("hidden", "hiding"),
    [
        ("no-idempotency", "ack-before-commit"),
        ("no-idempotency", "no-unique-key"),
        ("rebroadcast-on-retry", "no-unique-key"),
        ("html-error", "hang-create"),
        ("event-twice", "mute"),
    ],
)
def test_what_another_defect_hides_is_said(hidden: str, hiding: str) -> None:
    (note,) = defect_notes(frozenset({Defect(hidden), Defect(hiding)}))

    assert note.startswith(f"{hidden} can do nothing beside {hiding}: ")


def test_a_rebroadcast_beside_an_early_answer_is_no_nothing() -> None:
    assert defect_notes(frozenset({Defect.ACK_BEFORE_COMMIT, Defect.REBROADCAST_ON_RETRY})) == []
