"""Accounts of the chat page: made up when asked for, kept nowhere.

An account's id is its name, spelled as a UUID, so that every page can name the others without a
table of users, also after a restart of the server.
"""

from __future__ import annotations

from typing import get_args
from uuid import UUID

import msgspec

from harness.errors import UsageError
from harness.server.access import Role
from harness.server.numbers import whole_number
from harness.tokens import mint, mint_anon

MAX_NAME_BYTES = 14
"""What is left of a UUID's 16 bytes beside version and variant."""
MAX_LIFETIME_S = 86_400
_MAX_WEBINAR = 2**63 - 1


class PageSession(msgspec.Struct, frozen=True, kw_only=True):
    """``GET /api/page/session``: what the chat page needs to know."""

    success: bool = True
    user: str
    user_id: str
    role: Role
    webinar: int
    token: str
    lifetime_s: int
    """How long the token is good."""
    api_key: str
    realtime_port: int
    """On the page's own host."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Whose session is asked for."""

    user: str
    webinar: int
    role: Role = "attendee"
    lifetime_s: int = 3600


def page_session(asked: Asked, *, secret: str, realtime_port: int, now_unix_s: int) -> PageSession:
    """Mint an account's token, for its one webinar."""
    user_id = account_id(asked.user)
    token = mint(
        secret,
        user_id,
        webinars={str(asked.webinar): asked.role},
        issued_at_unix_s=now_unix_s,
        lifetime_s=asked.lifetime_s,
    )
    return PageSession(
        user=asked.user,
        user_id=user_id,
        role=asked.role,
        webinar=asked.webinar,
        token=token,
        lifetime_s=asked.lifetime_s,
        api_key=mint_anon(secret, issued_at_unix_s=now_unix_s),
        realtime_port=realtime_port,
    )


def account_id(name: str) -> str:
    """The database id of the account ``name``: version 8 (RFC 9562: one's own layout), all bytes
    but the sixth and the eighth are the name in UTF-8. Raises :class:`UsageError`."""
    text = name.encode(errors="surrogatepass")
    if not 1 <= len(text) <= MAX_NAME_BYTES or not name.isprintable() or name != name.strip():
        raise UsageError(
            f"user: must be a name of 1 to {MAX_NAME_BYTES} bytes in UTF-8 without control"
            " characters or spaces around it"
        )
    padded = text.ljust(MAX_NAME_BYTES, b"\0")
    return str(UUID(bytes=padded[:6] + b"\x80" + padded[6:7] + b"\x80" + padded[7:]))


def parse_asked(query: dict[str, str]) -> Asked:
    """Read the query of the session route. Raises :class:`UsageError` naming the bad field."""
    roles: dict[str, Role] = {role: role for role in get_args(Role)}
    role = query.get("role", "attendee")
    if role not in roles:
        raise UsageError(f"role: must be one of {', '.join(roles)}")
    return Asked(
        user=query.get("user", ""),
        webinar=_number("webinar", query.get("webinar", ""), _MAX_WEBINAR),
        role=roles[role],
        lifetime_s=_number("lifetime_s", query.get("lifetime_s", "3600"), MAX_LIFETIME_S),
    )


def _number(field: str, text: str, most: int) -> int:
    number = whole_number(text, 1, most)
    if number is None:
        raise UsageError(f"{field}: must be a whole number from 1 to {most}")
    return number
