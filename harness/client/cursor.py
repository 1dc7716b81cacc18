"""Where an incremental read goes on: the ``after`` of F4, in the two ways a policy may keep it."""

from __future__ import annotations

from collections import deque
from typing import Literal

_STEP_S = 1.0
"""One moment is kept in each such step: the last, for all that the cursor passed in it."""


class Cursor:
    """The greatest row id up to which the page believes that it has everything.

    ``last_seen`` takes every id on the screen, so that a row which arrived over Realtime moves
    it past rows that never came (H1, H5). ``confirmed`` lets Realtime rows move it only while
    nothing can be missing between them and the last poll: from the end of a whole poll that was
    started after ``system ok``, until rows stop flowing.

    ``overlap_s`` is how far a poll looks back (H1): a row whose commit is late by less is found.
    Such a row takes its id before the cursor passes it, and no earlier than ``overlap_s`` before
    its commit; and it was committed after the page last knew everything. So a poll asks after
    where the cursor was ``overlap_s`` before that moment, however long ago it is.
    """

    __slots__ = (
        "_contiguous",
        "_floor",
        "_mode",
        "_overlap_s",
        "_passed",
        "_step_ends_s",
        "_whole_s",
        "after",
    )

    def __init__(self, mode: Literal["last_seen", "confirmed"], *, overlap_s: float = 0.0) -> None:
        self._mode = mode
        self._overlap_s = overlap_s
        self._contiguous = False
        self._floor = 0
        """Before the first row that was ever read."""
        self._passed: deque[tuple[float, int]] = deque()
        """When the cursor was where, of ``overlap_s`` before ``_whole_s``; rising in both."""
        self._step_ends_s = float("-inf")
        """Up to here a moment takes the place of the last in ``_passed``."""
        self._whole_s = float("-inf")
        """The last moment of which the page has everything that had been committed."""
        self.after: int | None = None
        """``None`` until the first read: read the history instead."""

    def ask_after(self) -> int | None:
        """What the next poll asks after."""
        if not self._overlap_s or self.after is None:
            return self.after
        passed, until_s = self._passed, self._whole_s - self._overlap_s
        while len(passed) > 1 and passed[1][0] <= until_s:
            passed.popleft()
        return passed[0][1] if passed and passed[0][0] <= until_s else self._floor

    def read(
        self,
        rows: tuple[int, int] | None,
        now_s: float,
        *,
        asked_s: float,
        asked_after: int | None,
        whole: bool,
        since_live: bool,
    ) -> None:
        """A poll or the history brought rows, from the first to the last id (``None``: no rows).

        ``asked_s``: when it started; ``asked_after``: the ``after`` that it asked with, ``None``
        for the last rows alone; ``whole``: it did not fill its limit; ``since_live``: rows have
        been flowing since before it started.
        """
        fits = whole or asked_after is not None or self.after is None
        if self._mode == "confirmed" and not fits:
            return  # the last rows alone: some may lie between what was known and these
        if self.after is None and rows is not None and not whole:
            self._floor = rows[0] - 1
        self._advance(rows[1] if rows else 0, now_s)
        if whole:
            self._whole_s = max(self._whole_s, asked_s)
        if whole and since_live:
            self._contiguous = True

    def pushed(self, row_id: int, now_s: float) -> None:
        """A row came over Realtime."""
        if self._mode == "last_seen" or self._contiguous:
            self._whole_s = now_s
            self._advance(row_id, now_s)

    def acknowledged(self, row_id: int, now_s: float) -> None:
        """A row of one's own came in an API answer; that proves nothing about the rows before
        it, least of all on a socket that died in silence."""
        if self._mode == "last_seen":
            self._advance(row_id, now_s)

    def not_live(self) -> None:
        """Rows no longer flow: from here on something may be missing."""
        self._contiguous = False

    def _advance(self, row_id: int, now_s: float) -> None:
        if self.after is None or row_id > self.after:
            self.after = row_id
            if self._overlap_s:
                self._pass(now_s)

    def _pass(self, now_s: float) -> None:
        passed = self._passed
        assert self.after is not None
        if passed and now_s < self._step_ends_s:
            passed[-1] = (now_s, self.after)  # the later moment: nothing counts as passed too early
            return
        passed.append((now_s, self.after))
        self._step_ends_s = (now_s // _STEP_S + 1) * _STEP_S
        while len(passed) > 1 and passed[1][0] <= self._whole_s - self._overlap_s:
            passed.popleft()
