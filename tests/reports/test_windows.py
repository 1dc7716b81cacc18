"""Windows follow the receipts and belong to cohorts."""

from __future__ import annotations

import pytest

from harness.receipts import Receipt
from reports.windows import cut, scopes
from tests.support.small_history import COHORTS, Raw, history, opened, receipt

Edges = list[tuple[str, float, float]]


def edges(receipts: list[Receipt], cohort: str = "chrome") -> Edges:
    found = cut(receipts, cohort, begin_s=100, end_s=160, recovery_s=6)
    return [(window.name, window.begin_s, window.end_s) for window, _ in found]


RUN = ("run", 100, 160)

TABLE: list[tuple[str, list[Receipt], Edges]] = [
    ("no fault", [], [RUN, ("before", 100, 160)]),
    (
        "one fault",
        [receipt("x", 110, 120)],
        [RUN, ("before", 100, 110), ("during:x", 110, 120), ("recovery:x", 120, 126),
         ("after", 126, 160)],
    ),
    (
        "a repeated fault cuts the recovery of the first",
        [receipt("x", 110, 120), receipt("x#2", 123, 130)],
        [RUN, ("before", 100, 110), ("during:x", 110, 120), ("recovery:x", 120, 123),
         ("during:x#2", 123, 130), ("recovery:x#2", 130, 136), ("after", 136, 160)],
    ),
    (
        "a fault that still bites leaves no recovery to the one before",
        [receipt("x", 110, 120), receipt("y", 115, 130)],
        [RUN, ("before", 100, 110), ("during:x", 110, 120), ("during:y", 115, 130),
         ("recovery:y", 130, 136), ("after", 136, 160)],
    ),
    (
        "never healed",
        [receipt("x", 110, None)],
        [RUN, ("before", 100, 110), ("during:x", 110, 160)],
    ),
    (
        "recovery is cut at the end",
        [receipt("x", 110, 157)],
        [RUN, ("before", 100, 110), ("during:x", 110, 157), ("recovery:x", 157, 160)],
    ),
    (
        "a fault of another cohort opens no window",
        [receipt("x", 110, 120, "incognito")],
        [RUN, ("before", 100, 160)],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("receipts", "wanted"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_windows_are_cut_at_the_receipts(receipts: list[Receipt], wanted: Edges) -> None:
    assert edges(receipts) == wanted


def test_a_fault_that_was_never_felt_opens_no_window() -> None:
    unfelt = Receipt(
        fault="x",
        kind="refused",
        cohorts=("chrome",),
        proxies=(),
        planned_begin_s=110,
        planned_end_s=120,
    )
    assert edges([unfelt]) == [RUN, ("before", 100, 160)]


def test_for_everybody_a_fault_covers_the_users_of_its_cohorts() -> None:
    raw = Raw((), (), (), (opened(0), opened(1, cohort="incognito")), (receipt("x", 110, 120),))
    by_name = {
        (scope.window.name, scope.window.cohort): scope.users.tolist()
        for scope in scopes(history(raw))
    }
    assert by_name["during:x", "all"] == [True, False]
    assert by_name["recovery:x", "all"] == [True, False]
    assert by_name["before", "all"] == [True, True]
    assert by_name["run", "incognito"] == [False, True]
    assert ("during:x", "incognito") not in by_name


def test_a_fault_of_one_cohort_does_not_cut_the_recovery_of_another() -> None:
    apart = [receipt("x", 110, 120, "chrome"), receipt("y", 122, 130, "incognito")]
    assert ("recovery:x", 120, 126) in edges(apart, "all")
    together = [receipt("x", 110, 120, "chrome"), receipt("y", 122, 130, *COHORTS)]
    assert ("recovery:x", 120, 122) in edges(together, "all")
