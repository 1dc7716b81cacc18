"""What the person sees: the room's rows and one's own bubbles (S1, S2, S3, R4, R5)."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from enum import Enum, auto

from harness.client.policy import Policy
from harness.client.states import after
from harness.records import Fate, LineChange
from harness.wire.changes import MessageRow


class Bubble(Enum):
    """The life of an optimistic bubble."""

    SENDING = auto()
    """Shown at once, says "sending…"."""
    FAILED = auto()
    """The send ended without success; the bubble stays, the spinner is off (S3)."""
    REPLACED = auto()
    """The real row stands in its place."""


class BubbleEvent(Enum):
    SEND_FAILED = auto()
    SEND_AGAIN = auto()
    ROW_ARRIVED = auto()


BUBBLE_TABLE: dict[tuple[Bubble, BubbleEvent], Bubble] = {
    (Bubble.SENDING, BubbleEvent.SEND_FAILED): Bubble.FAILED,
    (Bubble.SENDING, BubbleEvent.ROW_ARRIVED): Bubble.REPLACED,
    (Bubble.FAILED, BubbleEvent.SEND_AGAIN): Bubble.SENDING,
    (Bubble.FAILED, BubbleEvent.ROW_ARRIVED): Bubble.REPLACED,
}


class MessageList:
    """The rendered list. Rows match each other by id, and bubbles as the policy says (R4)."""

    __slots__ = (
        "_bubbles",
        "_gone",
        "_hidden",
        "_kept_texts",
        "_last_id",
        "_policy",
        "_rows",
        "_text_hashes",
        "_text_ids",
        "_touched",
        "_typed",
        "inversions",
    )

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._rows = array("q")
        """Ids of the rows on the screen, ascending. Eight bytes a row; a set takes sixty."""
        self._bubbles: dict[str, Bubble] = {}
        self._typed: dict[str, tuple[str, float]] = {}
        """Text and moment of each bubble, where bubbles are matched by content."""
        self._hidden: set[int] = set()
        self._gone: set[int] = set()
        """Deleted rows: what a slower answer still brings of them stays away."""
        self._kept_texts = 2 * policy.history_limit if policy.reread_every else 0
        self._text_ids, self._text_hashes = array("q"), array("q")
        """The newest rows' texts, for :meth:`reread`, the later of two being the row's. Sixteen
        bytes a text; a dict takes a hundred, and finds its oldest entry slowly."""
        self._touched: set[int] = set()
        """Rows changed since the answer that is under way was asked for."""
        self._last_id = 0
        self.inversions = 0
        """Neighbours on the screen that stand against the order of their ids."""

    # -- bubbles --------------------------------------------------------------------------

    def show_bubble(self, client_msg_id: str, body: str, now_s: float) -> None:
        """S1: the message is on the screen before anything was sent."""
        self._bubbles[client_msg_id] = Bubble.SENDING
        if self._policy.match == "content":
            self._typed[client_msg_id] = (body, now_s)

    def fail_bubble(self, client_msg_id: str) -> bool:
        """S3: the spinner ends. False where the row had replaced the bubble before."""
        bubble = self._bubbles.get(client_msg_id)
        if bubble is not Bubble.SENDING:
            return False
        self._bubbles[client_msg_id] = after(BUBBLE_TABLE, bubble, BubbleEvent.SEND_FAILED)
        return True

    def send_again(self, client_msg_id: str, now_s: float) -> bool:
        """The button on a failed bubble: it says "sending…" again. False where no failed bubble
        stands there, because its row has come or the page is another."""
        bubble = self._bubbles.get(client_msg_id)
        if bubble is not Bubble.FAILED:
            return False
        self._bubbles[client_msg_id] = after(BUBBLE_TABLE, bubble, BubbleEvent.SEND_AGAIN)
        if client_msg_id in self._typed:
            self._typed[client_msg_id] = (self._typed[client_msg_id][0], now_s)
        return True

    def is_sending(self, client_msg_id: str) -> bool:
        """Whether this bubble still says "sending…"."""
        return self._bubbles.get(client_msg_id) is Bubble.SENDING

    def bubble_of(self, row: MessageRow, now_s: float) -> str | None:
        """The bubble that one's own row is going to replace, by its ``client_msg_id``."""
        if self._policy.match == "client_msg_id":
            return row.client_msg_id if row.client_msg_id in self._bubbles else None
        if self.shows(row.id):
            return None
        for client_msg_id, (body, typed_s) in self._typed.items():
            if body == row.body and now_s - typed_s <= self._policy.content_match_s:
                return client_msg_id
        return None

    def bubbles(self, state: Bubble) -> tuple[str, ...]:
        """The ``client_msg_id`` of the bubbles in this state, oldest first."""
        return tuple(key for key, bubble in self._bubbles.items() if bubble is state)

    # -- rows -----------------------------------------------------------------------------

    @property
    def newest_id(self) -> int:
        """The greatest id on the screen; 0 where there is none."""
        return self._rows[-1] if self._rows else 0

    def newest_visible(self, count: int) -> list[int]:
        """The ids of the newest rows that are not hidden, at most ``count``, oldest first."""
        return [row_id for row_id in self._rows[-count:] if row_id not in self._hidden]

    def shows(self, row_id: int) -> bool:
        """Whether this row is on the screen."""
        place = bisect_left(self._rows, row_id)
        return place < len(self._rows) and self._rows[place] == row_id

    def arrive(self, row: MessageRow, bubble: str | None, *, in_front: bool = False) -> Fate:
        """A row came, on whatever path, and may replace a ``bubble``; says what it did.

        ``in_front``: it stands before the others whatever its order, as the history does.
        """
        row_id, rows = row.id, self._rows
        if not rows or row_id > rows[-1]:  # the usual case
            if self._gone and row_id in self._gone:
                return Fate.SUPPRESSED
            rows.append(row_id)
        else:
            place = bisect_left(rows, row_id)
            if rows[place] == row_id or row_id in self._gone:
                return Fate.SUPPRESSED
            rows.insert(place, row_id)
        if self._policy.order == "arrival" and not in_front:
            self.inversions += row_id < self._last_id
            self._last_id = row_id
        if row.hidden:
            self._hidden.add(row_id)
        if self._kept_texts:
            self._keep_text(row)
        if bubble is None:
            return Fate.SHOWN
        # A replaced bubble stays forgotten: a second row with its id is a second line.
        after(BUBBLE_TABLE, self._bubbles.pop(bubble), BubbleEvent.ROW_ARRIVED)
        self._typed.pop(bubble, None)
        return Fate.SWAPPED

    # -- changes of lines (R5) ------------------------------------------------------------

    def update(self, row: MessageRow) -> LineChange | None:
        """A row was changed; says how its line changed, ``None`` where it is not on the screen."""
        if not self.shows(row.id):
            return None
        self._touched.add(row.id)
        if self._kept_texts:
            self._keep_text(row)
        if row.hidden == (row.id in self._hidden):
            return "edited"
        if row.hidden:
            self._hidden.add(row.id)
            return "hidden"
        self._hidden.discard(row.id)
        return "shown"

    def remove(self, row_id: int) -> bool:
        """A row was deleted; whether it was on the screen."""
        self._touched.add(row_id)
        self._gone.add(row_id)
        if not self.shows(row_id):
            return False
        del self._rows[bisect_left(self._rows, row_id)]
        self._hidden.discard(row_id)
        return True

    def reread_asked(self) -> int:
        """The last rows are asked for; answers with the newest that is on the screen now."""
        self._touched.clear()
        return self.newest_id

    def reread(
        self, rows: Sequence[MessageRow], *, whole: bool, up_to_id: int
    ) -> list[tuple[int, LineChange]]:
        """The last rows as the server has them: lines that differ are changed, lines that are not
        among them are deleted. ``whole``: the room has no earlier rows; ``up_to_id``: the newest
        row on the screen when they were asked for, for what came since may rightly be missing.
        """
        changes: list[tuple[int, LineChange]] = []
        first_id = 0 if whole else rows[0].id
        there = {row.id for row in rows} | self._touched
        last = bisect_right(self._rows, up_to_id)
        for row_id in list(self._rows[bisect_left(self._rows, first_id) : last]):
            if row_id not in there:
                self.remove(row_id)
                changes.append((row_id, "deleted"))
        texts = dict(zip(self._text_ids, self._text_hashes, strict=True))
        for row in rows:
            known = texts.get(row.id)
            is_as_known = known is None or known == hash(row.body)
            if row.id in self._touched or not self.shows(row.id):
                continue
            if not is_as_known or row.hidden != (row.id in self._hidden):
                change = self.update(row)
                if change is not None:
                    changes.append((row.id, change))
        return changes

    def _keep_text(self, row: MessageRow) -> None:
        ids, hashes = self._text_ids, self._text_hashes
        ids.append(row.id)
        hashes.append(hash(row.body))
        if len(ids) == 2 * self._kept_texts:  # seldom, so that it costs next to nothing
            del ids[: self._kept_texts], hashes[: self._kept_texts]
