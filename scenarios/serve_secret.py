"""The JWT secret of ``chatquake serve``: kept beside its database, so that keys and tokens hold on.

A page that is open while the server is started again has a token of the old start; with a new
secret it would be refused for good, and no fault of the chat would be to blame.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import UsageError

SECRET_VARIABLE = "CHATQUAKE_JWT_SECRET"
_LONG_AGO_UNIX_S = 1_767_225_600.0
"""2026-01-01: for keys of a secret whose age nobody knows."""
_MIN_CHARACTERS = 32
"""HS256 wants a key as long as its hash (RFC 7518, section 3.2)."""


@dataclass(frozen=True)
class JwtSecret:
    """The secret and where it is from, in words."""

    value: str = field(repr=False)
    origin: str
    made_unix_s: float
    """When it was made, as far as that is known; keys that are minted with it say so, and stay the
    same as long as it does."""


def find_secret(
    database: str, environ: Mapping[str, str], *, keeps: bool, now_unix_s: float
) -> JwtSecret:
    """The environment's secret, else that of the database file, made now if there is none.

    Nothing is kept where the database goes away at the end (``keeps`` is false) or is no file.
    Raises :class:`UsageError` where the secret is too short or its file cannot be used.
    """
    given = environ.get(SECRET_VARIABLE)
    if given:
        if len(given) < _MIN_CHARACTERS:
            raise UsageError(
                f"{SECRET_VARIABLE}: must hold {_MIN_CHARACTERS} characters or more,"
                f" not {len(given)}"
            )
        return JwtSecret(given, f"of {SECRET_VARIABLE}", _LONG_AGO_UNIX_S)
    if not keeps:
        return JwtSecret(secrets.token_hex(32), "made up, as the database is", now_unix_s)
    if "://" in database:
        origin = f"made up; set {SECRET_VARIABLE}, or a restart will refuse today's keys and tokens"
        return JwtSecret(secrets.token_hex(32), origin, now_unix_s)
    path = Path(f"{database}.secret")
    return JwtSecret(_kept(path), f"kept in {path}", path.stat().st_mtime)


def _kept(path: Path) -> str:
    try:
        try:
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            secret = path.read_text().strip()
        else:
            secret = secrets.token_hex(32)
            with os.fdopen(made, "w") as file:
                file.write(secret + "\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"{path}: the JWT secret cannot be kept there ({why});"
            f" use another --database or set {SECRET_VARIABLE}"
        ) from None
    if len(secret) < _MIN_CHARACTERS:
        raise UsageError(
            f"{path}: must hold {_MIN_CHARACTERS} characters or more, or not be there; has"
            f" {len(secret)}"
        )
    return secret
