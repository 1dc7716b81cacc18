"""What Auth must still know after a restart: accounts, sessions, refresh tokens, its key pair.

An SQLite file of its own, in the event loop: each call is some tens of microseconds and never
waits for the disk (``synchronous=OFF``). So whatever was answered survives the end of the
process at any moment, ``kill -9`` too, for the operating system has it; only a crash of the whole
machine may take the last moments with it, and then people sign in again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from harness.errors import UsageError
from harness.server.access import Role
from harness.server.auth.accounts import Account
from harness.server.auth.rotation import RefreshToken

IN_MEMORY = Path(":memory:")

_SCHEMA = """
create table if not exists accounts (
  id text primary key, email text not null unique, password_hash text, webinars text not null,
  user_metadata text not null, created_unix_s real not null, last_sign_in_unix_s real not null
) without rowid;
create table if not exists sessions (
  id text primary key, account_id text not null references accounts(id),
  created_unix_s real not null
) without rowid;
create index if not exists sessions_of_account on sessions(account_id);
create table if not exists refresh_tokens (
  number integer primary key autoincrement, token text not null unique,
  session_id text not null references sessions(id) on delete cascade,
  parent text not null, revoked integer not null, updated_unix_s real not null
);
create index if not exists tokens_of_session on refresh_tokens(session_id, revoked, number);
create table if not exists signing_keys (pem text not null);
"""
_TOKEN_COLUMNS = "number, token, session_id, parent, revoked, updated_unix_s"
_encode = msgspec.json.Encoder().encode


class Session(NamedTuple):
    """A sign-in that lasts."""

    id: str
    account_id: str
    created_unix_s: float


class AuthStore:
    """The file. Lives on one thread."""

    def __init__(self, path: Path) -> None:
        """Raises :class:`UsageError` where the file cannot be had."""
        try:
            if path != IN_MEMORY:
                # It holds a private key and password hashes.
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(path, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise UsageError(f"auth database {path}: {error}") from None
        try:
            self._db.executescript(
                "pragma journal_mode=wal; pragma synchronous=off; pragma foreign_keys=on;"
            )
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            self._db.close()
            raise UsageError(f"auth database {path}: {error}") from None

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what is done inside."""
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def signing_key_pem(self) -> str | None:
        """The private key that was kept, if any."""
        row = self._db.execute("select pem from signing_keys").fetchone()
        return None if row is None else str(row[0])

    def keep_signing_key(self, pem: str) -> None:
        """Keep a private key for later processes."""
        self._db.execute("insert into signing_keys values (?)", (pem,))

    def account(self, account_id: str) -> Account | None:
        """An account by its id."""
        return self._account("id", account_id)

    def account_by_email(self, email: str) -> Account | None:
        """An account by its address, in lower case."""
        return self._account("email", email)

    def put_account(self, account: Account) -> None:
        """Add an account, or replace the one of its id."""
        self._db.execute(
            "insert into accounts values (?,?,?,?,?,?,?) on conflict(id) do update set"
            " email=excluded.email, password_hash=excluded.password_hash,"
            " webinars=excluded.webinars, user_metadata=excluded.user_metadata,"
            " last_sign_in_unix_s=excluded.last_sign_in_unix_s",
            (
                account.id,
                account.email,
                account.password_hash,
                _encode(account.webinars).decode(),
                _encode(account.user_metadata).decode(),
                account.created_unix_s,
                account.last_sign_in_unix_s,
            ),
        )

    def signed_in(self, account_id: str, now_unix_s: float) -> None:
        """Note the account's last sign-in."""
        self._db.execute(
            "update accounts set last_sign_in_unix_s=? where id=?", (now_unix_s, account_id)
        )

    def session(self, session_id: str) -> Session | None:
        """A session that was not ended."""
        row = self._db.execute(
            "select id, account_id, created_unix_s from sessions where id=?", (session_id,)
        ).fetchone()
        return None if row is None else Session(*row)

    def add_session(self, session: Session) -> None:
        """Begin a session, as yet without a refresh token."""
        self._db.execute("insert into sessions values (?,?,?)", session)

    def end_sessions(self, account_id: str, *, only: str = "", but: str = "") -> None:
        """End an account's sessions and their refresh tokens: all, ``only`` or all ``but`` one."""
        self._db.execute(
            "delete from sessions where account_id=? and (?='' or id=?) and id!=?",
            (account_id, only, only, but),
        )

    def refresh_token(self, token: str) -> RefreshToken | None:
        """A refresh token of a session that was not ended."""
        return self._refresh_token("token=?", token)

    def active_token(self, session_id: str) -> RefreshToken | None:
        """The newest refresh token of a session that is not revoked."""
        return self._refresh_token(
            "session_id=? and revoked=0 order by number desc limit 1", session_id
        )

    def add_token(self, token: str, session_id: str, parent: str, now_unix_s: float) -> None:
        """Issue a refresh token."""
        self._db.execute(
            "insert into refresh_tokens (token, session_id, parent, revoked, updated_unix_s)"
            " values (?,?,?,0,?)",
            (token, session_id, parent, now_unix_s),
        )

    def revoke_token(self, token: str, now_unix_s: float) -> None:
        """Revoke one refresh token, or note that it was used again."""
        self._db.execute(
            "update refresh_tokens set revoked=1, updated_unix_s=? where token=?",
            (now_unix_s, token),
        )

    def revoke_family(self, session_id: str, now_unix_s: float) -> None:
        """Revoke what is not yet revoked of a session's refresh tokens."""
        self._db.execute(
            "update refresh_tokens set revoked=1, updated_unix_s=?"
            " where session_id=? and revoked=0",
            (now_unix_s, session_id),
        )

    def _account(self, column: str, value: str) -> Account | None:
        row = self._db.execute(
            "select id, email, password_hash, webinars, user_metadata, created_unix_s,"
            f" last_sign_in_unix_s from accounts where {column}=?",
            (value,),
        ).fetchone()
        if row is None:
            return None
        return Account(
            id=row[0],
            email=row[1],
            password_hash=row[2],
            webinars=msgspec.json.decode(row[3], type=dict[str, Role]),
            user_metadata=msgspec.json.decode(row[4], type=dict[str, Any]),
            created_unix_s=row[5],
            last_sign_in_unix_s=row[6],
        )

    def _refresh_token(self, where: str, value: str) -> RefreshToken | None:
        row = self._db.execute(
            f"select {_TOKEN_COLUMNS} from refresh_tokens where {where}", (value,)
        ).fetchone()
        if row is None:
            return None
        number, token, session_id, parent, revoked, updated_unix_s = row
        return RefreshToken(
            number=number,
            token=token,
            session_id=session_id,
            parent=parent,
            revoked=bool(revoked),
            updated_unix_s=updated_unix_s,
        )
