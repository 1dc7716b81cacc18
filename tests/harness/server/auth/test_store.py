from __future__ import annotations

import stat
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.server.auth.opening import auth_database, ec_key
from harness.server.auth.store import IN_MEMORY, AuthStore
from harness.server.storage.database import parse_database
from tests.harness.server.auth.project import EC_KEY, EMAIL, Project


def test_what_was_answered_is_there_for_the_next_process(tmp_path: Path) -> None:
    before = Project(tmp_path / "auth.db")
    granted = before.enrol()
    # Not closed: the process was killed.
    after = Project(tmp_path / "auth.db")

    again = after.auth.refresh(granted.refresh_token, after.now_unix_s)
    assert again.account == granted.account
    before.store.close()
    after.store.close()


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    project = Project()

    def fail() -> None:
        with project.store.transaction():
            project.auth.enrol(EMAIL, {}, project.now_unix_s)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert project.store.account_by_email(EMAIL) is None
    project.store.close()


def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    AuthStore(tmp_path / "auth.db").close()

    assert stat.S_IMODE((tmp_path / "auth.db").stat().st_mode) == 0o600


def test_the_key_pair_is_made_up_once(tmp_path: Path) -> None:
    first, second = AuthStore(tmp_path / "auth.db"), AuthStore(tmp_path / "auth.db")

    assert ec_key(first, None).kid == ec_key(second, None).kid
    assert ec_key(second, EC_KEY.pem()).kid == EC_KEY.kid
    first.close()
    second.close()


def test_a_file_that_is_none_is_bad_usage(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database, but long enough to be looked at as one" * 20)

    for path in (tmp_path, tmp_path / "none" / "auth.db", tmp_path / "text"):
        with pytest.raises(UsageError, match=r"^auth database /"):
            AuthStore(path)


def test_the_file_is_beside_the_chats_unless_given() -> None:
    assert auth_database(None, Path("runs/chat.db")) == Path("runs/chat.db.auth")
    assert auth_database(IN_MEMORY, Path("runs/chat.db")) == IN_MEMORY
    assert auth_database(None, parse_database("postgresql://db.test/chat")) == IN_MEMORY
