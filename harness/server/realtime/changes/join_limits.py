"""How much a connection may ask of ``postgres_changes``: what every row then costs is bounded.
Pure.

The genuine server knows no such limits, because it lets PostgreSQL do the work in a process of
its own; here it is done on the loop that serves everybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from harness.server.realtime.changes.bindings import UNABLE, Wanted
from harness.server.realtime.filters.posix_regex import MAX_PATTERN_CHARS
from harness.server.realtime.filters.syntax import Condition

MAX_BINDINGS = 100
MAX_FILTER_CHARS = 100_000
"""Of all filters of a join together."""
MAX_CONDITIONS = 1000
"""Of all filters of a connection together, in whichever channels."""
MAX_PATTERNS = 10
"""Conditions with one of the operators in :data:`_PATTERNS`, of a connection together."""
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


def too_costly(wanted: Sequence[Wanted], beside: Iterable[Condition]) -> str | None:
    """Why bindings are not served that are understood; ``None`` if they may be. ``beside``: the
    conditions of the connection's other channels."""
    conditions = [condition for one in wanted for condition in one.conditions]
    all_conditions = [*conditions, *beside] if conditions else []
    if len(all_conditions) > MAX_CONDITIONS:
        return _over_budget(f"{len(all_conditions)} filter conditions", MAX_CONDITIONS)
    patterns = [one.value for one in conditions if one.operator in _PATTERNS]
    all_patterns = sum(one.operator in _PATTERNS for one in all_conditions)
    if patterns and all_patterns > MAX_PATTERNS:
        which = "/".join(_PATTERNS)
        return _over_budget(f"{all_patterns} filter conditions with {which}", MAX_PATTERNS)
    longest = max(map(len, patterns), default=0)
    if longest > MAX_PATTERN_CHARS:
        return _refused(f"a pattern of {longest} characters", MAX_PATTERN_CHARS)
    return None


def _over_budget(what: str, most: int) -> str:
    return f"{UNABLE}The connection would have {what}; at most {most} are allowed."


def _refused(what: str, most: int) -> str:
    return f"{UNABLE}The join has {what}; at most {most} are allowed."
