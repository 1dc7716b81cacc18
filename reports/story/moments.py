"""A user's records as moments, and which of them need no line of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TypeVar

from harness.records import (
    ChannelChanged,
    PageOpened,
    PollEnded,
    PollStarted,
    SocketClosed,
    SocketOpened,
    SocketOpening,
)
from reports.story.life import Told

T = TypeVar("T")

QUICK_S = 1.0
"""A beginning that ends within this is told with its end, in one line."""


class Moment:
    """All that a session did on one input: its records with the same time, in order.

    Whoever tells one of them takes the others that belong to it, so that they are told once.
    """

    def __init__(self, t_s: float, records: Iterable[Told]) -> None:
        self.t_s = t_s
        self._left = list(records)

    def __iter__(self) -> Iterator[Told]:
        """Every record that nobody took until its turn came."""
        while self._left:
            yield self._left.pop(0)

    def take(self, kind: type[T], wanted: Callable[[T], bool]) -> list[T]:
        """Remove and return those of a kind that fit."""
        taken: list[T] = [r for r in self._left if isinstance(r, kind) and wanted(r)]
        self._left = [r for r in self._left if not (isinstance(r, kind) and wanted(r))]
        return taken


def moments(records: Iterable[Told]) -> Iterator[Moment]:
    """The records, which are in order, as moments."""
    for t_s, group in groupby(records, key=lambda record: record.t_s):
        yield Moment(t_s, group)


def soon_over(records: Sequence[Told]) -> frozenset[Told]:
    """Beginnings that need no line: their end, within :data:`QUICK_S`, tells of them."""
    found: set[Told] = set()
    ends: dict[tuple[str, int], float] = {}
    next_channel: ChannelChanged | None = None
    for record in reversed(records):
        match record:
            case SocketOpened() | SocketClosed():
                ends["socket", record.attempt] = record.t_s
            case PollEnded():
                ends["poll", record.poll] = record.t_s
            case SocketOpening() if _soon(record.t_s, ends.get(("socket", record.attempt))):
                found.add(record)
            case PollStarted() if _soon(record.t_s, ends.get(("poll", record.poll))):
                found.add(record)
            case ChannelChanged():
                if _step_on_the_way(record, next_channel):
                    found.add(record)
                next_channel = record
            case PageOpened():
                # Attempts and polls are counted anew on each page.
                ends.clear()
                next_channel = None
            case _:
                pass
    return frozenset(found)


def _soon(begin_s: float, end_s: float | None) -> bool:
    return end_s is not None and end_s - begin_s <= QUICK_S


def _step_on_the_way(change: ChannelChanged, following: ChannelChanged | None) -> bool:
    if following is None or following.t_s - change.t_s > QUICK_S:
        return False
    return (change.status, following.status) in (
        ("joining", "subscribed"),
        ("joining", "live"),
        ("subscribed", "live"),
    )
