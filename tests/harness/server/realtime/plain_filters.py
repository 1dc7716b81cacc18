"""The filters again, plainly and slowly, for texts and whole numbers that are well formed."""

from __future__ import annotations

from harness.server.realtime.filters.syntax import Condition
from harness.wire.changes import MessageRow

NUMBERS = ("id", "webinar_id")


def passes(conditions: list[Condition], row: MessageRow, *, key_only: bool) -> bool:
    for one in conditions:
        if key_only and one.column != "id":
            return False
        if holds(one, getattr(row, one.column)) is one.negated:
            return False
    return True


def holds(condition: Condition, value: int | str) -> bool:
    operator, text = condition.operator, condition.value
    if operator == "is":
        return False  # no column is ever null
    if operator in ("like", "ilike"):
        here = str(value)
        if operator == "ilike":
            here, text = here.lower(), text.lower()
        return like(text, here)
    number = condition.column in NUMBERS
    if operator == "in":
        elements = [one for one in text[1:-1].split(",") if one]
        return any(value == (int(one) if number else one) for one in elements)
    other = int(text) if number else text
    if operator == "eq":
        return value == other
    if operator in ("neq", "isdistinct"):
        return value != other
    order = (value > other) - (value < other)  # type: ignore[operator] # of one type
    return {"lt": order < 0, "lte": order <= 0, "gt": order > 0, "gte": order >= 0}[operator]


def like(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "%":
        return any(like(pattern[1:], text[cut:]) for cut in range(len(text) + 1))
    if pattern[0] == "\\":
        return text[:1] == pattern[1:2] != "" and like(pattern[2:], text[1:])
    return bool(text) and pattern[0] in ("_", text[0]) and like(pattern[1:], text[1:])
