"""Bodies of the chat's HTTP routes, in S8's one shape."""

from __future__ import annotations

import re
from uuid import UUID

import msgspec

from harness.wire.changes import MessageRow

CREATE_PATH = "/api/messages/create"
LIST_PATH = "/api/messages"

UUID_PATTERN = re.compile(
    r"\A[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}\Z"
)
"""S7: what ``clientMsgId`` must match (RFC 9562 layout, any version, variant 10)."""
_UUID_INPUT = re.compile(r"(\{)?[0-9a-fA-F]{4}(?:-?[0-9a-fA-F]{4}){7}(?(1)\})")
"""What PostgreSQL takes for one: any version, hyphens after any four digits, braces around it."""


def uuid_text(text: str) -> str | None:
    """A UUID as the database writes it; ``None`` for what it would not take for one."""
    return str(UUID(text)) if _UUID_INPUT.fullmatch(text) else None


class CreateRequest(msgspec.Struct, frozen=True, rename="camel"):
    """Body of ``POST /api/messages/create``; on the wire ``webinarId, clientMsgId, body``."""

    webinar_id: int
    client_msg_id: str
    body: str


class EditRequest(msgspec.Struct, frozen=True):
    """Body of ``PATCH /api/messages/<id>``."""

    body: str


class CreateAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """``{success, message?, error?}`` (S8): of a send, an edit, a hiding and a deletion."""

    success: bool
    message: MessageRow | None = None
    error: str | None = None


class ListAnswer(msgspec.Struct, frozen=True):
    """``GET /api/messages?webinarId=W&after=<id>&limit=N`` (F4), ordered by id.

    Without ``after`` it is the history: the last ``limit`` rows, ordered by id. Every field is
    always written: a page reads ``messages`` without asking whether it is there.
    """

    success: bool
    messages: list[MessageRow] = []
    error: str | None = None
