"""Whole numbers out of texts whose length is the asker's choice. Pure."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"[0-9]{1,19}")
"""As many as the greatest ``int8`` has."""


def whole_number(text: str, least: int, most: int) -> int | None:
    """The number that ``text`` writes in ASCII digits, if it is one from ``least`` to ``most``."""
    # Bounded before int(), which takes quadratic time.
    if not _DIGITS.fullmatch(text) or not least <= int(text) <= most:
        return None
    return int(text)
