"""Child seeds: one random stream for each purpose.

A stream's seed follows from the scenario's seed and the path of its purpose alone, so that one
more draw in one place moves nothing in another, and a user draws alike in any process.
"""

from __future__ import annotations

import hashlib
from random import Random


def child_seed(seed: int, *path: str | int) -> int:
    """A 64-bit seed from BLAKE2b over the seed and the path."""
    text = "\x1f".join([str(seed), *map(str, path)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def stream(seed: int, *path: str | int) -> Random:
    """The random stream of one purpose, e.g. ``stream(7, "workload", "room", 3)``."""
    return Random(child_seed(seed, *path))
