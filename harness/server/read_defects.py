"""Reads that are wrong on purpose: pure functions over what a right read would answer."""

from __future__ import annotations

from harness.server.access import Access
from harness.server.defects import Defect, Defects
from harness.wire.changes import MessageRow

_EVERYTHING = Access("service_role")


def effective_access(access: Access, defects: Defects) -> Access:
    """What a read is checked against (poll-beyond-permission: nothing)."""
    return _EVERYTHING if Defect.POLL_BEYOND_PERMISSION in defects else access


def spoiled(rows: list[MessageRow], *, incremental: bool, defects: Defects) -> list[MessageRow]:
    """The rows of one answer as the planted defects leave them.

    poll-off-by-one: the first row after the cursor is missing from every incremental answer, as
    where ``id > after + 1`` is asked. poll-unordered: the same rows, the last first.
    """
    if incremental and Defect.POLL_OFF_BY_ONE in defects:
        rows = rows[1:]
    return rows[::-1] if Defect.POLL_UNORDERED in defects else rows
