"""The ``postgres_changes`` payload that a committed change becomes. Pure."""

from __future__ import annotations

import msgspec

from harness.server.storage.model import Change, Op
from harness.wire.changes import MESSAGE_COLUMNS, Column, MessageRow


class _Key(msgspec.Struct, frozen=True):
    id: int


class _Data(msgspec.Struct, frozen=True, kw_only=True):
    schema: str = "public"
    table: str = "messages"
    commit_timestamp: str
    type: Op
    errors: list[str] | None = None
    columns: tuple[Column, ...] = MESSAGE_COLUMNS
    record: MessageRow | msgspec.UnsetType = msgspec.UNSET
    old_record: MessageRow | _Key | msgspec.UnsetType = msgspec.UNSET


class _Payload(msgspec.Struct, frozen=True):
    ids: tuple[int, ...]
    data: msgspec.Raw


_encode = msgspec.json.Encoder().encode


def change_data(change: Change, commit_timestamp: str, *, whole_old: bool) -> msgspec.Raw:
    """``payload.data`` as JSON: an INSERT has no ``old_record``, a DELETE no ``record``.

    ``old_record`` has the primary key alone, or for an UPDATE every column where ``whole_old``
    says that the table's replica identity is FULL. For DELETE row-level security keeps it to
    the key in any case.
    """
    old: MessageRow | _Key | msgspec.UnsetType = msgspec.UNSET
    if change.commit.op == "UPDATE" and whole_old and change.old is not None:
        old = change.old
    elif change.commit.op != "INSERT":
        old = _Key(change.commit.row_id)
    data = _Data(
        commit_timestamp=commit_timestamp,
        type=change.commit.op,
        record=msgspec.UNSET if change.row is None else change.row,
        old_record=old,
    )
    return msgspec.Raw(_encode(data))


def change_payload(ids: tuple[int, ...], data: msgspec.Raw) -> msgspec.Raw:
    """The payload of one ``postgres_changes`` frame for the bindings ``ids``."""
    return msgspec.Raw(_encode(_Payload(ids, data)))
