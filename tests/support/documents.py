"""The pages of ``docs/``, read by tests that hold them against the code."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def fences(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in one language (empty: in none), in order."""
    text = (DOCS / page).read_text("utf-8")
    return [body for said, body in _FENCE.findall(text) if said == language]


def prose(page: str) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", (DOCS / page).read_text("utf-8"))
