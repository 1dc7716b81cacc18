"""How rows and the log are read in parts, on both kinds of storage."""

from __future__ import annotations

from typing import Any

import pytest

from harness.server.storage.model import Selection
from tests.harness.server.storage.backends import Backend, create_all, draft, opened, run


def test_the_commit_log_is_read_in_pages(backend: Backend) -> None:
    with opened(backend) as (storage, _):
        run(create_all(storage, [draft(number) for number in range(5)]))
        page = run(storage.commits(2, 2))

    assert [commit.seq for commit in page] == [3, 4]


def test_rows_after_an_id_are_ordered_bounded_and_of_one_room(backend: Backend) -> None:
    with opened(backend) as (storage, _):
        ids = [run(storage.create(draft(n, room=n % 2))).row.id for n in range(10)]
        rows = run(storage.rows_after(1, ids[1], 3))

    assert [row.id for row in rows] == [ids[3], ids[5], ids[7]]


def test_last_rows_are_the_newest_oldest_first(backend: Backend) -> None:
    with opened(backend) as (storage, _):
        ids = [run(storage.create(draft(number))).row.id for number in range(10)]
        rows = run(storage.last_rows(42, 3))

    assert [row.id for row in rows] == ids[-3:]


ALL = {"limit": 100}
SELECTIONS: tuple[tuple[dict[str, Any], list[int]], ...] = (
    ({}, [1, 2, 3, 4, 5, 6]),
    ({"newest_first": True}, [6, 5, 4, 3, 2, 1]),
    ({"limit": 2, "offset": 3}, [4, 5]),
    ({"limit": 2, "offset": 1, "newest_first": True}, [5, 4]),
    ({"limit": 0}, []),
    ({"webinar_id": 1}, [1, 3, 5]),
    ({"webinar_id": 9}, []),
    ({"after_id": 2, "before_id": 5}, [3, 4]),
    ({"ids": (5, 1, 99, 1)}, [1, 5]),
    ({"ids": ()}, []),
    ({"ids": (1, 2, 3), "webinar_id": 1, "after_id": 1}, [3]),
)


@pytest.mark.parametrize(("conditions", "expected"), SELECTIONS, ids=str)
def test_a_selection_holds_in_all_its_conditions(
    backend: Backend, conditions: dict[str, Any], expected: list[int]
) -> None:
    with opened(backend) as (storage, _):
        ids = [run(storage.create(draft(n, room=n % 2))).row.id for n in range(1, 7)]
        rows = run(storage.select(Selection(**(ALL | conditions))))

    assert ids == [1, 2, 3, 4, 5, 6]
    assert [row.id for row in rows] == expected
