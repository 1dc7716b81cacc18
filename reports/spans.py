"""Stretches of time in which something was so for a user, as arrays; pure interval arithmetic.

A stretch contains its begin and not its end, like a window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Spans:
    """Stretches by owner (a user's position), times in seconds; no order is promised."""

    owner: Ints
    begin_s: Floats
    end_s: Floats

    def clipped(self, begin_s: float | Floats, end_s: float | Floats) -> Spans:
        """The parts inside ``[begin_s, end_s)``; bounds for all, or one for each stretch."""
        begin = np.maximum(self.begin_s, begin_s)
        end = np.minimum(self.end_s, end_s)
        keep = begin < end
        return Spans(self.owner[keep], begin[keep], end[keep])

    def seconds(self, owners: int) -> Floats:
        """Seconds of each owner; meant for stretches that do not overlap (see :func:`union`)."""
        total = np.zeros(owners)
        np.add.at(total, self.owner, self.end_s - self.begin_s)
        return total

    def contains(self, owners: int, t_s: float) -> NDArray[np.bool_]:
        """For each owner whether one of their stretches contains the moment."""
        inside = (self.begin_s <= t_s) & (t_s < self.end_s)
        return np.bincount(self.owner[inside], minlength=owners) > 0


def from_switches(owner: Ints, t_s: Floats, on: NDArray[np.bool_], end_s: float) -> Spans:
    """Stretches between a switch-on and the owner's next switch, or ``end_s`` where none follows.

    Switches of one owner must be in time order; two equal ones in a row join into one stretch.
    """
    order = np.argsort(owner, kind="stable")
    owner, t_s, on = owner[order], t_s[order], on[order]
    end = np.full(len(owner), end_s)
    same = owner[1:] == owner[:-1]
    end[:-1][same] = t_s[1:][same]
    return union(Spans(owner[on], t_s[on], end[on]).clipped(-np.inf, end_s))


def union(spans: Spans) -> Spans:
    """The same time, told in stretches that neither overlap nor touch; sorted by owner, time."""
    if not len(spans.owner):
        return spans
    order = np.lexsort((spans.begin_s, spans.owner))
    owner, begin, end = spans.owner[order], spans.begin_s[order], spans.end_s[order]
    reach = _running_max(owner, end)
    new = np.ones(len(owner), dtype=np.bool_)
    new[1:] = (owner[1:] != owner[:-1]) | (begin[1:] > reach[:-1])
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(owner)) - 1
    return Spans(owner[first], begin[first], reach[last])


def _running_max(group: Ints, values: Floats) -> Floats:
    """The greatest value so far within each group of a sorted array."""
    # Ranks, shifted so that each group lies above the one before, need one pass for all groups.
    levels, rank = np.unique(values, return_inverse=True)
    shifted = np.maximum.accumulate(rank + group * len(levels))
    return levels[shifted - group * len(levels)]


def minus(spans: Spans, holes: Spans) -> Spans:
    """The parts of ``spans`` outside ``holes``; neither may overlap itself (see :func:`union`)."""
    if not len(holes.owner):
        return spans
    cut_owner = np.concatenate([spans.owner, spans.owner, holes.owner, holes.owner])
    cut_at = np.concatenate([spans.begin_s, spans.end_s, holes.begin_s, holes.end_s])
    # +1 and -1 mark being inside a span; holes weigh more, so that they win.
    step = np.repeat(
        [1, -1, -2, 2],
        [len(spans.owner), len(spans.owner), len(holes.owner), len(holes.owner)],
    )
    order = np.lexsort((cut_at, cut_owner))
    cut_owner, cut_at, step = cut_owner[order], cut_at[order], step[order]
    # The steps of one owner sum to zero, so one running sum serves all of them.
    inside = np.cumsum(step) == 1
    inside[-1] = False
    at = np.flatnonzero(inside)
    parts = Spans(cut_owner[at], cut_at[at], cut_at[at + 1])
    return union(parts.clipped(-np.inf, np.inf))
