"""Accounts: who may sign in, and as whom."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Any

import msgspec

from harness.server.access import MEMBERSHIPS, Role

MIN_PASSWORD_BYTES = 6
MAX_PASSWORD_BYTES = 72
"""A real project hashes with bcrypt, which looks no further."""
_MAX_EMAIL_CHARACTERS = 255
_EMAIL = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*",
    re.IGNORECASE | re.ASCII,
)
_SALT_BYTES = 16
_COST = 2**12
"""scrypt's N: 7 ms and 4 MB a password. Less than a deployment would spend (bcrypt's 60 ms), so
that a test's logins do not measure the hash, yet no plain digest."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may have sessions."""

    id: str
    """A UUID; the ``sub`` of the account's tokens."""
    email: str
    """Lower-case."""
    password_hash: str | None
    """``None``: signs in by no password at all."""
    webinars: dict[str, Role]
    """The part in each webinar, by number; ``*`` stands for all of them."""
    user_metadata: dict[str, Any]
    """What the user said about themselves."""
    created_unix_s: float
    last_sign_in_unix_s: float

    @property
    def app_metadata(self) -> dict[str, Any]:
        """What the project says about the user; row-level security believes it."""
        return {"provider": "email", "providers": ["email"], MEMBERSHIPS: self.webinars}


def email_problem(email: str) -> str | None:
    """What is wrong with an address, if anything."""
    if len(email) > _MAX_EMAIL_CHARACTERS:
        return "An email address is too long"
    if not _EMAIL.fullmatch(email):
        return "Unable to validate email address: invalid format"
    return None


def hash_password(password: str) -> str:
    """A salted hash. Takes milliseconds of CPU without the interpreter's lock: use a thread."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"scrypt${_COST}${salt.hex()}${_scrypt(password, salt, _COST).hex()}"


def password_matches(password: str, password_hash: str) -> bool:
    """Whether it is the one that was hashed. As costly as :func:`hash_password`."""
    _, cost, salt, digest = password_hash.split("$")
    actual = _scrypt(password, bytes.fromhex(salt), int(cost))
    return hmac.compare_digest(actual, bytes.fromhex(digest))


def _scrypt(password: str, salt: bytes, cost: int) -> bytes:
    # A lone surrogate is no text, but JSON can carry one.
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"), salt=salt, n=cost, r=8, p=1, dklen=32
    )
