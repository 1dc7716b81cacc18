"""How much one join may ask of ``postgres_changes``: what every row then costs is bounded. Pure.

The genuine server knows no such limits, because it lets PostgreSQL do the work in a process of
its own; here it is done on the loop that serves everybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.server.realtime.changes.bindings import UNABLE, Wanted
from harness.server.realtime.filters.posix_regex import MAX_PATTERN_CHARS

MAX_BINDINGS = 100
MAX_FILTER_CHARS = 100_000
"""Of all filters of a join together."""
MAX_CONDITIONS = 1000
"""Of all filters of a join together."""
MAX_PATTERNS = 10
"""Conditions with one of the operators in :data:`_PATTERNS`, of a join together."""
_PATTERNS = ("like", "ilike", "match", "imatch")


def too_much(filters: Sequence[dict[str, Any]]) -> str | None:
    """Why bindings are not even read; ``None`` if they are."""
    if len(filters) > MAX_BINDINGS:
        return _refused(f"{len(filters)} bindings", MAX_BINDINGS)
    texts = (one.get("filter") for one in filters)
    chars = sum(len(text) for text in texts if isinstance(text, str))
    if chars > MAX_FILTER_CHARS:
        return _refused(f"{chars} characters of filters", MAX_FILTER_CHARS)
    return None


def too_costly(wanted: Sequence[Wanted]) -> str | None:
    """Why bindings are not served that are understood; ``None`` if they may be."""
    conditions = [condition for one in wanted for condition in one.conditions]
    if len(conditions) > MAX_CONDITIONS:
        return _refused(f"{len(conditions)} filter conditions", MAX_CONDITIONS)
    patterns = [one.value for one in conditions if one.operator in _PATTERNS]
    if len(patterns) > MAX_PATTERNS:
        which = "/".join(_PATTERNS)
        return _refused(f"{len(patterns)} filter conditions with {which}", MAX_PATTERNS)
    longest = max(map(len, patterns), default=0)
    if longest > MAX_PATTERN_CHARS:
        return _refused(f"a pattern of {longest} characters", MAX_PATTERN_CHARS)
    return None


def _refused(what: str, most: int) -> str:
    return f"{UNABLE}The join has {what}; at most {most} are allowed."
