from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.server.access import Access
from harness.server.defects import Defect, Defects
from harness.server.read_defects import effective_access, lacks_first, spoiled
from tests.harness.server.builders import row

ROWS = [row(number) for number in (3, 5, 8)]
OUTSIDER = Access("authenticated", (("43", "attendee"),))


def numbers(*defects: Defect) -> list[int]:
    return [one.id for one in spoiled(ROWS, Defects(defects))]


def test_without_defects_rows_stay_as_they_are() -> None:
    assert numbers() == [3, 5, 8]


def test_an_unordered_read_has_the_same_rows_the_last_first() -> None:
    assert numbers(Defect.POLL_UNORDERED) == [8, 5, 3]


def test_off_by_one_lacks_the_first_row_after_a_cursor_and_none_of_a_history() -> None:
    planted = Defects({Defect.POLL_OFF_BY_ONE})

    assert lacks_first(planted, incremental=True)
    assert not lacks_first(planted, incremental=False)
    assert not lacks_first(Defects(), incremental=True)


@given(st.sets(st.sampled_from(Defect)))
def test_no_defect_makes_rows_up(defects: set[Defect]) -> None:
    assert {*numbers(*defects)} <= {3, 5, 8}


def test_beyond_permission_everybody_reads_everything() -> None:
    beyond = Defects({Defect.POLL_BEYOND_PERMISSION})

    assert effective_access(OUTSIDER, beyond).may_read(42)
    assert effective_access(OUTSIDER, Defects()) is OUTSIDER
