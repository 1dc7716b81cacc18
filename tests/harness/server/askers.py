"""Everybody who asks the server for something, and every bad token that they may come with."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import jwt
import msgspec

from harness.server.access import Role
from tests.harness.server.builders import SECRET, UNIX_START_S

AUTHOR = "11111111-1111-4111-8111-111111111111"
NOW_S = 100.0
"""When they ask, host-monotonic."""

Asker = tuple[str, str, Mapping[str, Role]]
ASKERS: Mapping[str, Asker] = {
    # name: role in the database, who, part in webinars
    "anon": ("anon", "", {}),
    "service": ("service_role", "", {}),
    "outsider": ("authenticated", "22222222-1111-4111-8111-111111111111", {"43": "presenter"}),
    "attendee": ("authenticated", "33333333-1111-4111-8111-111111111111", {"42": "attendee"}),
    "moderator": ("authenticated", "44444444-1111-4111-8111-111111111111", {"42": "moderator"}),
    "presenter": ("authenticated", "55555555-1111-4111-8111-111111111111", {"42": "presenter"}),
    "author": ("authenticated", AUTHOR, {"42": "attendee"}),
    "former author": ("authenticated", AUTHOR, {"43": "attendee"}),
}
MEMBERS = ("attendee", "moderator", "presenter", "author")


Expected = tuple[int, bool]
"""The status of an answer, and whether anything happened."""


def expected(
    others: Expected, *allowed: str, ok: Expected = (200, True), **single: Expected
) -> dict[str, Expected]:
    """``allowed`` get ``ok``, those in ``single`` what stands there, all else ``others``."""
    by_name = {name.replace("_", " "): what for name, what in single.items()}
    row = {name: ok if name in allowed else others for name in ASKERS}
    return {**row, **by_name}


def claims_of(asker: str) -> dict[str, Any]:
    role, user_id, webinars = ASKERS[asker]
    claims = {"role": role, "iat": UNIX_START_S, "exp": UNIX_START_S + 3600}
    if user_id:
        claims |= {"sub": user_id, "app_metadata": {"webinars": webinars}}
    return claims


def valid(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, SECRET, algorithm="HS256")


def expired(claims: dict[str, Any]) -> str:
    return valid({**claims, "exp": UNIX_START_S + int(NOW_S) - 1})


def tampered(claims: dict[str, Any]) -> str:
    """Claims under the signature of others."""
    head, _, signature = valid({**claims, "role": "nobody"}).split(".")
    content = base64.urlsafe_b64encode(msgspec.json.encode(claims)).rstrip(b"=").decode()
    return f"{head}.{content}.{signature}"


def unsigned(claims: dict[str, Any]) -> str:
    head = msgspec.json.encode({"alg": "none", "typ": "JWT"})
    parts = (
        base64.urlsafe_b64encode(one).rstrip(b"=") for one in (head, msgspec.json.encode(claims))
    )
    return b".".join([*parts, b""]).decode()


def foreign(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, "the secret of quite another project", algorithm="HS256")


def roleless(claims: dict[str, Any]) -> str:
    return valid({name: value for name, value in claims.items() if name != "role"})


def endless(claims: dict[str, Any]) -> str:
    return valid({name: value for name, value in claims.items() if name != "exp"})


Forge = Callable[[dict[str, Any]], str]
BAD_TOKENS: list[Forge] = [expired, tampered, unsigned, foreign, roleless, endless]
