"""Child seeds: one random stream for each purpose.

A stream's seed follows from the scenario's seed and the path of its purpose alone, so that one
more draw in one place moves nothing in another, and a user draws alike in any process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from random import Random
from typing import Protocol, TypeVar

Item = TypeVar("Item")


def child_seed(seed: int, *path: str | int) -> int:
    """A 64-bit seed from BLAKE2b over the seed and the path."""
    text = "\x1f".join([str(seed), *map(str, path)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def stream(seed: int, *path: str | int) -> Random:
    """The random stream of one purpose, e.g. ``stream(7, "workload", "room", 3)``."""
    return Random(child_seed(seed, *path))


class Draws(Protocol):
    """What the client draws from; :class:`random.Random` is one."""

    def uniform(self, a: float, b: float) -> float: ...

    def choice(self, seq: Sequence[Item]) -> Item: ...


class LateStream:
    """A :func:`stream` that is made when it is first drawn from.

    A stream holds 2.5 KB, and most users never draw from most of theirs.
    """

    __slots__ = ("_made", "_path", "_seed")

    def __init__(self, seed: int, *path: str | int) -> None:
        self._seed = seed
        self._path = path
        self._made: Random | None = None

    def uniform(self, a: float, b: float) -> float:
        return self._stream.uniform(a, b)

    def choice(self, seq: Sequence[Item]) -> Item:
        return self._stream.choice(seq)

    @property
    def _stream(self) -> Random:
        if self._made is None:
            self._made = stream(self._seed, *self._path)
        return self._made
