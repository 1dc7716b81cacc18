"""What the page's channel asks of ``postgres_changes``, and whether the answer says the same.

realtime-js compares the two (``RealtimeChannel.ts``, ``_updatePostgresBindings``; before 2.100 in
``subscribe``), the same way in every version, and gives a channel up where they differ.
"""

from __future__ import annotations

from typing import Any

import msgspec

from harness.wire.changes import Filter

MISMATCH = "mismatch between server and client bindings for postgres changes"
"""What the app is told with ``CHANNEL_ERROR``."""

_FIELDS = ("event", "schema", "table", "filter")


def room_bindings(webinar: int, *, all_deletes: bool) -> tuple[Filter, ...]:
    """R2: the changes of one room; and where H2 is closed so, the DELETEs of every room."""
    table = {"schema": "public", "table": "messages"}
    room = Filter(event="*", filter=f"webinar_id=eq.{webinar}", **table)
    return (room, Filter(event="DELETE", **table)) if all_deletes else (room,)


def differ(asked: tuple[Filter, ...], response: msgspec.Raw) -> bool:
    """Whether the answer to a join has other bindings than were asked for.

    Place by place, so that one too many at the end is no difference. An answer that speaks of none
    at all is not looked at. Raises what the decoder raises.
    """
    answer = msgspec.json.decode(response)
    if not isinstance(answer, dict) or "postgres_changes" not in answer:
        return False
    told = answer["postgres_changes"]
    if not isinstance(told, list) or len(told) < len(asked):
        return bool(asked)
    return any(_differs(*pair) for pair in zip(asked, told, strict=False))


def _differs(asked: Filter, told: Any) -> bool:
    """``null`` is as good as nothing."""
    mine = msgspec.to_builtins(asked)
    return not isinstance(told, dict) or any(
        told.get(field) != mine.get(field) for field in _FIELDS
    )
