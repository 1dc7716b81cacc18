"""What a library hands to a ``postgres_changes`` callback, in its own words."""

from __future__ import annotations

import re
from typing import Any

from tests.conformance.clients import Client

Row = dict[str, Any]

COLUMNS = [
    {"name": "id", "type": "int8"},
    {"name": "webinar_id", "type": "int8"},
    {"name": "user_id", "type": "uuid"},
    {"name": "client_msg_id", "type": "uuid"},
    {"name": "body", "type": "text"},
    {"name": "created_at", "type": "timestamptz"},
    {"name": "hidden", "type": "bool"},
]
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def new_row(client: Client, payload: Any) -> Row:
    """The new row of a change."""
    row: Row = payload["data"]["record"] if client.library.language == "py" else payload["new"]
    return row


def assert_change(
    client: Client, payload: Any, event: str, *, new: Row | None = None, old: Row | None = None
) -> None:
    """A change is what the genuine server would have made of it, key by key."""
    if client.library.language == "py":
        _assert_python(payload, event, new, old)
    else:
        _assert_javascript(payload, event, new, old)


def _assert_javascript(payload: Any, event: str, new: Row | None, old: Row | None) -> None:
    assert _TIMESTAMP.fullmatch(payload["commit_timestamp"])
    assert payload == {
        "schema": "public",
        "table": "messages",
        "commit_timestamp": payload["commit_timestamp"],
        "eventType": event,
        "new": new or {},
        "old": old or {},
        "errors": None,
    }


def _assert_python(payload: Any, event: str, new: Row | None, old: Row | None) -> None:
    (binding,) = payload["ids"]
    assert isinstance(binding, int)
    data = payload["data"]
    assert _TIMESTAMP.fullmatch(data["commit_timestamp"])
    records = {"record": new, "old_record": old}
    assert data == {
        "schema": "public",
        "table": "messages",
        "commit_timestamp": data["commit_timestamp"],
        "type": event,
        "errors": None,
        "columns": COLUMNS,
        **{name: row for name, row in records.items() if row is not None},
    }
