from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.server.access import Access
from harness.server.defects import Defect, Defects
from harness.server.read_defects import effective_access, spoiled
from tests.harness.server.builders import row

ROWS = [row(number) for number in (3, 5, 8)]
OUTSIDER = Access("authenticated", (("43", "attendee"),))


def numbers(*defects: Defect, incremental: bool = True) -> list[int]:
    spoilt = spoiled(ROWS, incremental=incremental, defects=Defects(defects))
    return [one.id for one in spoilt]


def test_without_defects_rows_stay_as_they_are() -> None:
    assert numbers() == [3, 5, 8]


def test_an_unordered_read_has_the_same_rows_the_last_first() -> None:
    assert numbers(Defect.POLL_UNORDERED) == [8, 5, 3]


def test_off_by_one_misses_the_first_row_after_the_cursor_and_none_of_a_history() -> None:
    assert numbers(Defect.POLL_OFF_BY_ONE) == [5, 8]
    assert numbers(Defect.POLL_OFF_BY_ONE, incremental=False) == [3, 5, 8]
    assert spoiled([], incremental=True, defects=Defects({Defect.POLL_OFF_BY_ONE})) == []


@given(st.sets(st.sampled_from(Defect)))
def test_no_defect_makes_rows_up(defects: set[Defect]) -> None:
    assert {*numbers(*defects)} <= {3, 5, 8}


def test_beyond_permission_everybody_reads_everything() -> None:
    beyond = Defects({Defect.POLL_BEYOND_PERMISSION})

    assert effective_access(OUTSIDER, beyond).may_read(42)
    assert effective_access(OUTSIDER, Defects()) is OUTSIDER
