"""What somebody may have meant who wrote a name that there is not. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LONG_LIST = 30


def near(wrong: str, allowed: Iterable[str]) -> str:
    """``did you mean x? allowed: x, y, z``; of a long list only the near names, if there are."""
    names = sorted(allowed)
    close = get_close_matches(wrong, names, n=3, cutoff=0.6)
    hint = f"did you mean {' or '.join(close)}?" if close else ""
    if close and len(names) > _LONG_LIST:
        return hint
    return f"{hint} allowed: {', '.join(names) or 'nothing'}".strip()
