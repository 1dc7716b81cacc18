"""What a peer's bytes can do to the decoder, so that all who read them survive the same things."""

from __future__ import annotations

import re
from itertools import accumulate

import msgspec

UNREADABLE: tuple[type[Exception], ...] = (
    msgspec.DecodeError,
    UnicodeError,  # text inside a string of otherwise sound JSON
    RecursionError,  # nested more deeply than anything meant
)

MAX_DEPTH = 100
"""How deeply JSON may be nested that is written again. The encoder's own limit is about 1,000
less the calls that it happens to stand on, so what was read in one place may fail in another."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""Also one that is cut off: looking for its end again and again would take for ever."""
_DEEPER_BY = bytes.maketrans(b"[{]}", bytes([2, 2, 0, 0]))
"""One more than by how much a bracket changes the depth: bytes have no sign."""
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def too_deep(text: bytes) -> bool:
    """Whether JSON is nested more deeply than :data:`MAX_DEPTH`; of other text the answer means
    nothing. Nothing is decoded, and brackets within strings do not count."""
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", text).translate(_DEEPER_BY, _NO_BRACKETS)
    return MAX_DEPTH + 1 in accumulate(map((-1).__add__, brackets))
