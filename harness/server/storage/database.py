"""What ``--database`` names: an SQLite file or a PostgreSQL database, and how it is opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from harness.errors import UsageError
from harness.server.storage.model import OnCommit, Storage
from harness.server.storage.postgres import PostgresStorage
from harness.server.storage.sqlite import SqliteStorage
from harness.server.storage.sqlite_file import check_file

_SCHEMES = ("postgresql", "postgres")


@dataclass(frozen=True)
class PostgresUrl:
    """A PostgreSQL database; shown without its password."""

    url: str = field(repr=False)
    shown: str

    def __str__(self) -> str:
        return self.shown


Database = Path | PostgresUrl


def parse_database(text: str) -> Database:
    """A path, or a URL that begins with ``postgresql://``.

    Raises :class:`UsageError` for a URL that makes no sense; it never quotes it, for there may
    be a password in it.
    """
    scheme, separator, _ = text.partition("://")
    if not separator:
        return Path(text)
    if scheme not in _SCHEMES:
        raise UsageError("--database: is neither a path nor a URL that begins with postgresql://")
    try:
        parts = conninfo_to_dict(text)
    except psycopg.Error:
        raise UsageError(
            "--database: is no PostgreSQL URL; it must look like"
            " postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with special characters as %XX"
        ) from None
    user = f"{parts['user']}@" if "user" in parts else ""
    port = f":{parts['port']}" if "port" in parts else ""
    shown = f"postgresql://{user}{parts.get('host', '')}{port}/{parts.get('dbname', '')}"
    return PostgresUrl(text, shown)


def check_database(database: Database) -> None:
    """Raises :class:`UsageError` where it is seen without opening it that it cannot be used: before
    anything is made beside it."""
    if isinstance(database, Path):
        check_file(database)


def open_storage(database: Database, on_commit: OnCommit, *, once: bool) -> Storage:
    """Open it; ``once=False`` takes the unique key away (no-unique-key).

    Raises :class:`UsageError` with one line where it cannot be used.
    """
    if isinstance(database, Path):
        return SqliteStorage(database, on_commit, once=once)
    try:
        return PostgresStorage(database.url, on_commit, once=once)
    except UsageError as error:
        raise UsageError(f"--database {database}: {error}") from None
    except psycopg.Error as error:
        why = " ".join(str(error).split())
        raise UsageError(
            f"--database {database}: cannot be used ({why}); it must be a PostgreSQL database"
            " that is up and lets this user in"
        ) from None
