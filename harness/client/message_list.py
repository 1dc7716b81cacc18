"""What the person sees: the room's rows and one's own bubbles (S1, S2, S3, R4)."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from enum import Enum, auto

from harness.client.states import after
from harness.records import Fate


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
    ROW_ARRIVED = auto()


BUBBLE_TABLE: dict[tuple[Bubble, BubbleEvent], Bubble] = {
    (Bubble.SENDING, BubbleEvent.SEND_FAILED): Bubble.FAILED,
    (Bubble.SENDING, BubbleEvent.ROW_ARRIVED): Bubble.REPLACED,
    (Bubble.FAILED, BubbleEvent.ROW_ARRIVED): Bubble.REPLACED,
}


class MessageList:
    """The rendered list. Rows match bubbles by ``client_msg_id``, rows each other by id (R4)."""

    __slots__ = ("_bubbles", "_rows")

    def __init__(self) -> None:
        self._rows = array("q")
        """Ids of the rows on the screen, in its order. Eight bytes a row; a set takes sixty."""
        self._bubbles: dict[str, Bubble] = {}

    def show_bubble(self, client_msg_id: str) -> None:
        """S1: the message is on the screen before anything was sent."""
        self._bubbles[client_msg_id] = Bubble.SENDING

    def fail_bubble(self, client_msg_id: str) -> bool:
        """S3: the spinner ends. False where the row had replaced the bubble before."""
        bubble = self._bubbles.get(client_msg_id)
        if bubble is not Bubble.SENDING:
            return False
        self._bubbles[client_msg_id] = after(BUBBLE_TABLE, bubble, BubbleEvent.SEND_FAILED)
        return True

    def is_sending(self, client_msg_id: str) -> bool:
        """Whether this bubble still says "sending…"."""
        return self._bubbles.get(client_msg_id) is Bubble.SENDING

    def arrive(self, row_id: int, client_msg_id: str) -> Fate:
        """A row came, on whatever path; says what it did to the screen."""
        rows = self._rows
        if not rows or row_id > rows[-1]:  # the usual case
            rows.append(row_id)
        else:
            place = bisect_left(rows, row_id)
            if rows[place] == row_id:
                return Fate.SUPPRESSED
            rows.insert(place, row_id)
        bubble = self._bubbles.get(client_msg_id)
        if bubble is None:
            return Fate.SHOWN
        # A replaced bubble stays forgotten: a second row with its id is a second line.
        after(BUBBLE_TABLE, bubble, BubbleEvent.ROW_ARRIVED)
        del self._bubbles[client_msg_id]
        return Fate.SWAPPED

    def bubbles(self, state: Bubble) -> tuple[str, ...]:
        """The ``client_msg_id`` of the bubbles in this state, oldest first."""
        return tuple(key for key, bubble in self._bubbles.items() if bubble is state)
