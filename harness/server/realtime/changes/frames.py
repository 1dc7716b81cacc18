"""The ``postgres_changes`` payload that a committed change becomes. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from harness.server.defects import Defect
from harness.server.storage.model import Change, Op
from harness.server.switches import Switches
from harness.wire.changes import MESSAGE_COLUMNS, Column, MessageRow

_SHORT_BYTES = 64
"""Values up to this stay in the records of a change that is too large."""
_TOO_LARGE = "Error 413: Payload Too Large"


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """How changes are sent, apart from what a binding asks for."""

    whole_old: bool = False
    """The table's replica identity is FULL."""
    max_bytes: int = 1024 * 1024
    """A change whose JSON is longer goes without its longer values."""
    without_id: bool = False
    """The defect ``event-without-id``."""
    stale_update: bool = False
    """The defect ``stale-update``: who gets an UPDATE is found by the row as it is all the same."""

    @classmethod
    def of(cls, switches: Switches) -> Rendering:
        """As the switches stand now."""
        return cls(
            whole_old=switches.knobs.replica_identity_full,
            max_bytes=switches.knobs.max_change_bytes,
            without_id=switches.has(Defect.EVENT_WITHOUT_ID),
            stale_update=switches.has(Defect.STALE_UPDATE),
        )


class _Key(msgspec.Struct, frozen=True):
    id: int


class _Data(msgspec.Struct, frozen=True, kw_only=True):
    schema: str = "public"
    table: str = "messages"
    commit_timestamp: str
    type: Op
    errors: tuple[str, ...] | None = None
    columns: tuple[Column, ...] = MESSAGE_COLUMNS
    record: MessageRow | dict[str, Any] | msgspec.UnsetType = msgspec.UNSET
    old_record: MessageRow | _Key | dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class _Payload(msgspec.Struct, frozen=True):
    ids: tuple[int, ...]
    data: msgspec.Raw


_encode = msgspec.json.Encoder().encode


def change_data(
    change: Change,
    commit_timestamp: str,
    rendering: Rendering,
    select: tuple[str, ...] | None = None,
) -> msgspec.Raw:
    """``payload.data`` as JSON: an INSERT has no ``old_record``, a DELETE no ``record``.

    ``old_record`` has the primary key alone, or for an UPDATE every column where the replica
    identity is FULL. For DELETE row-level security keeps it to the key in any case. ``select``
    names the columns to send beside the key.
    """
    old: MessageRow | _Key | msgspec.UnsetType = msgspec.UNSET
    if change.commit.op == "UPDATE" and rendering.whole_old and change.old is not None:
        old = change.old
    elif change.commit.op != "INSERT":
        old = _Key(change.commit.row_id)
    stale = rendering.stale_update and change.commit.op == "UPDATE"
    row = change.old if stale else change.row
    data = _Data(
        commit_timestamp=commit_timestamp,
        type=change.commit.op,
        record=msgspec.UNSET if row is None else row,
        old_record=old,
    )
    encoded = _encode(data)
    too_large = len(encoded) > rendering.max_bytes
    if select is None and not too_large and not rendering.without_id:
        return msgspec.Raw(encoded)
    names = frozenset(column.name for column in MESSAGE_COLUMNS if _kept(column.name, select))
    max_value_bytes = _SHORT_BYTES if too_large else len(encoded)
    return msgspec.Raw(
        _encode(
            msgspec.structs.replace(
                data,
                errors=(_TOO_LARGE,) if too_large else None,
                columns=tuple(column for column in MESSAGE_COLUMNS if column.name in names),
                record=_part(data.record, names, max_value_bytes, rendering),
                old_record=_part(data.old_record, names, max_value_bytes, rendering),
            )
        )
    )


def change_payload(ids: tuple[int, ...], data: msgspec.Raw) -> msgspec.Raw:
    """The payload of one ``postgres_changes`` frame for the bindings ``ids``."""
    return msgspec.Raw(_encode(_Payload(ids, data)))


def _kept(name: str, select: tuple[str, ...] | None) -> bool:
    return select is None or name == "id" or name in select


def _part(
    record: MessageRow | _Key | dict[str, Any] | msgspec.UnsetType,
    names: frozenset[str],
    max_value_bytes: int,
    rendering: Rendering,
) -> dict[str, Any] | msgspec.UnsetType:
    if isinstance(record, msgspec.UnsetType):
        return record
    whole: dict[str, Any] = msgspec.to_builtins(record)
    return {
        name: value
        for name, value in whole.items()
        if name in names
        and len(_encode(value)) <= max_value_bytes
        and not (rendering.without_id and name == "id")
    }
