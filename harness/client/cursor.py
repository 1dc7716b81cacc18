"""Where an incremental read goes on: the ``after`` of F4, in the two ways a policy may keep it."""

from __future__ import annotations

from typing import Literal


class Cursor:
    """The greatest row id up to which the page believes that it has everything.

    ``last_seen`` takes every id on the screen, so that a row which arrived over Realtime moves
    it past rows that never came (H1, H5). ``confirmed`` lets Realtime rows move it only while
    nothing can be missing between them and the last poll: from the end of a whole poll that was
    started after ``system ok``, until rows stop flowing.
    """

    __slots__ = ("_contiguous", "_mode", "after")

    def __init__(self, mode: Literal["last_seen", "confirmed"]) -> None:
        self._mode = mode
        self._contiguous = False
        self.after: int | None = None
        """``None`` until the first read: read the history instead."""

    def read(
        self, last_id: int | None, *, asked_after: int | None, whole: bool, since_live: bool
    ) -> None:
        """A poll or the history brought the rows up to ``last_id`` (``None``: no rows).

        ``asked_after``: the ``after`` that it asked with, ``None`` for the last rows alone;
        ``whole``: it did not fill its limit; ``since_live``: rows have been flowing since before
        it started.
        """
        fits = whole or asked_after is not None or self.after is None
        if self._mode == "confirmed" and not fits:
            return  # the last rows alone: some may lie between what was known and these
        self._advance(last_id or 0)
        if whole and since_live:
            self._contiguous = True

    def pushed(self, row_id: int) -> None:
        """A row came over Realtime."""
        if self._mode == "last_seen" or self._contiguous:
            self._advance(row_id)

    def acknowledged(self, row_id: int) -> None:
        """A row of one's own came in an API answer; that proves nothing about the rows before
        it, least of all on a socket that died in silence."""
        if self._mode == "last_seen":
            self._advance(row_id)

    def not_live(self) -> None:
        """Rows no longer flow: from here on something may be missing."""
        self._contiguous = False

    def _advance(self, row_id: int) -> None:
        self.after = max(self.after or 0, row_id)
