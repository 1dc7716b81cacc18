"""Putting Auth together from what a server is started with."""

from __future__ import annotations

from pathlib import Path

from harness.server.auth.answers import Issuer
from harness.server.auth.jws import Algorithm, EcKey, new_ec_key, parse_ec_key
from harness.server.auth.routes import PREFIX
from harness.server.auth.service import Auth
from harness.server.auth.store import IN_MEMORY, AuthStore
from harness.server.auth.tokens import Tokens
from harness.server.storage.database import Database


def auth_database(given: Path | None, database: Database) -> Path:
    """The file of accounts and sessions: the one given, or one beside the chat's.

    Beside a PostgreSQL database there is no place for a file; then it is memory only.
    """
    if given is not None:
        return given
    if isinstance(database, Path):
        return database.with_name(f"{database.name}.auth")
    return IN_MEMORY


def ec_key(store: AuthStore, pem: str | None) -> EcKey:
    """The project's key pair: the one given, or the one that was made up once and kept.

    Raises :class:`UsageError` where the one given is none.
    """
    if pem is not None:
        return parse_ec_key(pem)
    kept = store.signing_key_pem()
    if kept is not None:
        return parse_ec_key(kept)
    key = new_ec_key()
    store.keep_signing_key(key.pem())
    return key


def open_auth(store: AuthStore, tokens: Tokens, algorithm: Algorithm, origin: str) -> Auth:
    """Auth over its store, with the keys of ``tokens``. ``origin``: where a project is served."""
    key = tokens.ec_key if algorithm == "ES256" and tokens.ec_key is not None else tokens.secret
    return Auth(store, Issuer(issuer=f"{origin}{PREFIX}", key=key), tokens.switches)
