"""``POST /rest/v1/messages``: the body of an insert, judged as PostgreSQL would. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from harness.server.auth.tokens import Claims
from harness.server.rest.columns import TYPES, value_of
from harness.server.rest.errors import RestError, denied, no_privilege, not_served
from harness.server.storage.model import Draft

_INSERTABLE = ("webinar_id", "user_id", "client_msg_id", "body")
_UPDATABLE = ("body", "hidden")


def fields_of(body: bytes, authenticated: bool, allowed: tuple[str, ...]) -> Mapping[str, Any]:
    """The columns of the one object in ``body``. Raises :class:`RestError`."""
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RestError(400, "PGRST102", "Empty or invalid json") from None
    if isinstance(content, list):
        if len(content) != 1:
            raise not_served("writes of several rows at once")
        content = content[0]
    if not isinstance(content, dict):
        raise RestError(400, "PGRST102", "All object keys must match")
    for name in content:
        if name not in TYPES:
            message = f"Could not find the '{name}' column of 'messages' in the schema cache"
            raise RestError(400, "PGRST204", message)
        if name not in allowed:
            raise no_privilege(authenticated)
    return {name: _typed(name, value) for name, value in content.items()}


def draft_of(
    body: bytes, claims: Claims, *, created_at: str, message_id: str, max_body_chars: int
) -> Draft:
    """The row to insert. Raises :class:`RestError` where a type, a check or a policy forbids it.

    ``user_id`` defaults to the asker, ``client_msg_id`` to ``message_id``.
    """
    authenticated = claims.access.database_role != "anon"
    given = fields_of(body, authenticated, _INSERTABLE)
    values = {"user_id": claims.user_id or None, "client_msg_id": message_id, **given}
    # PostgreSQL asks the policies before it looks for nulls.
    if not may_insert(claims, values["user_id"], values.get("webinar_id")):
        raise denied(authenticated)
    for name in _INSERTABLE:
        if values.get(name) is None:
            message = f'null value in column "{name}" of relation "messages" violates not-null'
            raise RestError(400, "23502", f"{message} constraint")
    draft = Draft(created_at=created_at, **{name: values[name] for name in _INSERTABLE})
    check_body(draft.body, max_body_chars)
    return draft


def change_of(body: bytes, claims: Claims, max_body_chars: int) -> Mapping[str, Any]:
    """The columns to update with their new values. Raises :class:`RestError`."""
    given = fields_of(body, claims.access.database_role != "anon", _UPDATABLE)
    for name, value in given.items():
        if value is None:
            message = f'null value in column "{name}" of relation "messages" violates not-null'
            raise RestError(400, "23502", f"{message} constraint")
    if "body" in given:
        check_body(given["body"], max_body_chars)
    return given


def may_insert(claims: Claims, user_id: str | None, webinar_id: int | None) -> bool:
    """The policy on INSERT: members, in their own name; ``service_role`` is not bound.

    A null is nobody's name and no webinar: it satisfies no policy.
    """
    if claims.access.database_role == "service_role":
        return True
    own = user_id is not None and user_id == claims.user_id
    return own and webinar_id is not None and claims.access.may_write(webinar_id)


def check_body(body: str, max_chars: int) -> None:
    """The table's check on the text (S7). Raises :class:`RestError`."""
    if not body.strip() or len(body) > max_chars:
        message = 'new row for relation "messages" violates check constraint "messages_body_check"'
        raise RestError(400, "23514", message)


def _typed(column: str, value: Any) -> Any:
    if value is None:
        return None
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if "\0" in text:
        raise RestError(
            400,
            "22P05",
            "unsupported Unicode escape sequence",
            "\\u0000 cannot be converted to text.",
        )
    return value_of(column, text)
