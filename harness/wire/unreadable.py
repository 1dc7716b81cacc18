"""What a peer's bytes can do to the decoder, so that all who read them survive the same things."""

from __future__ import annotations

import msgspec

UNREADABLE: tuple[type[Exception], ...] = (
    msgspec.DecodeError,
    UnicodeError,  # text inside a string of otherwise sound JSON
    RecursionError,  # nested more deeply than anything meant
)
