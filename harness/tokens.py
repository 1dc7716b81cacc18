"""Access tokens as Supabase Auth issues them, minted with the project's secret."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid5

import jwt

_NAMESPACE = UUID("8f2b0b8e-6d0c-5c57-9d0a-3b9a6c1f7e11")


def user_uuid(seed: int, user: int) -> str:
    """The database id of an emulated user; the same for every run of a seed."""
    return str(uuid5(_NAMESPACE, f"{seed}/{user}"))


def mint(
    secret: str,
    user_id: str,
    *,
    webinars: Mapping[str, str],
    issued_at_unix_s: int,
    lifetime_s: int = 3600,
) -> str:
    """An HS256 access token with the claims that Realtime and row-level security read.

    ``webinars``: the user's part in each (``presenter``, ``moderator``, ``attendee``), by
    number; ``*`` stands for all of them.
    """
    claims = {
        "sub": user_id,
        "role": "authenticated",
        "aud": "authenticated",
        "app_metadata": {"webinars": dict(webinars)},
        "iat": issued_at_unix_s,
        "exp": issued_at_unix_s + lifetime_s,
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def mint_service_role(
    secret: str, *, issued_at_unix_s: int, lifetime_s: int = 10 * 365 * 86400
) -> str:
    """The project's secret API key in its JWT form: row-level security does not bind it."""
    claims = {
        "role": "service_role",
        "iat": issued_at_unix_s,
        "exp": issued_at_unix_s + lifetime_s,
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def mint_anon(secret: str, *, issued_at_unix_s: int, lifetime_s: int = 10 * 365 * 86400) -> str:
    """The project's public API key in its JWT form."""
    claims = {"role": "anon", "iat": issued_at_unix_s, "exp": issued_at_unix_s + lifetime_s}
    return jwt.encode(claims, secret, algorithm="HS256")
