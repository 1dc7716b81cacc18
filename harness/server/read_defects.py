"""Reads that are wrong on purpose: pure functions over what a right read would answer."""

from __future__ import annotations

from harness.server.access import Access
from harness.server.defects import Defect, Defects
from harness.wire.changes import MessageRow

_EVERYTHING = Access("service_role")


def effective_access(access: Access, defects: Defects) -> Access:
    """What a read is checked against (poll-beyond-permission: nothing)."""
    return _EVERYTHING if Defect.POLL_BEYOND_PERMISSION in defects else access


def lacks_first(defects: Defects, *, incremental: bool) -> bool:
    """Whether of all rows that a read is about that with the least id is missing (poll-off-by-one).

    Limit, order, offset and count are then those of the others. It is so where ``id > after + 1``
    is asked and no id is left out.
    """
    return incremental and Defect.POLL_OFF_BY_ONE in defects


def spoiled(rows: list[MessageRow], defects: Defects) -> list[MessageRow]:
    """The rows of one answer as poll-unordered leaves them: the same ones, the last first."""
    return rows[::-1] if Defect.POLL_UNORDERED in defects else rows
