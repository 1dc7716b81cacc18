"""Rows of the messages table and the ``postgres_changes`` payload that carries them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec


class MessageRow(msgspec.Struct, frozen=True):
    """A row of ``messages`` as every path shows it (Realtime, poll, API answer)."""

    id: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
    """``int8``: no other number can be a row's, or be recorded."""
    webinar_id: int
    user_id: str
    client_msg_id: str
    body: str
    created_at: str
    """ISO 8601 with offset."""
    hidden: bool = False


class Column(msgspec.Struct, frozen=True):
    name: str
    type: str
    """``pg_type.typname``."""


MESSAGE_COLUMNS: tuple[Column, ...] = (
    Column("id", "int8"),
    Column("webinar_id", "int8"),
    Column("user_id", "uuid"),
    Column("client_msg_id", "uuid"),
    Column("body", "text"),
    Column("created_at", "timestamptz"),
    Column("hidden", "bool"),
)


class Filter(msgspec.Struct, frozen=True):
    """One ``postgres_changes`` binding as the client asks for it in ``phx_join``."""

    event: str
    schema: str
    table: str
    filter: str | msgspec.UnsetType = msgspec.UNSET


class ChangeData(msgspec.Struct, frozen=True):
    """``payload.data`` of a change, as far as a chat client needs it."""

    type: str
    record: MessageRow | None = None
    """Set for INSERT and UPDATE."""
    old_record: dict[str, Any] | None = None
    """Set for UPDATE and DELETE; has at least the primary key."""
    commit_timestamp: str | None = None
    errors: list[str] | None = None


class ChangePayload(msgspec.Struct, frozen=True):
    """Payload of a ``postgres_changes`` frame."""

    data: ChangeData
    ids: list[int] = []
