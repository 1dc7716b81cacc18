"""Which connections a share hits: exactly so many, in an order that a seed decides. Pure."""

from __future__ import annotations

from math import floor
from random import Random

_BLOCK = 10
"""Ranks are drawn in blocks: as many of each as the share asks for, at places of chance."""


def is_drawn(rank: int, *, share: float, seed: str) -> bool:
    """Whether the ``rank``-th connection (from 0) that a rule concerns is among those it hits.

    After every block the number of those hit is ``share`` of all up to a difference below one.
    Where the share of a block is no whole number, the seed decides which blocks have one more.
    """
    if share == 1:
        return True
    block, place = divmod(rank, _BLOCK)
    phase = Random(seed).random()
    due = _up_to(block + 1, share, phase) - _up_to(block, share, phase)
    return place in Random(f"{seed}/{block}").sample(range(_BLOCK), due)


def _up_to(blocks: int, share: float, phase: float) -> int:
    return floor(blocks * _BLOCK * share + phase)
