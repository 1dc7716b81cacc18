from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.server.storage.sqlite_file import check_file, claim_file


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        check_file(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_new_file_an_empty_one_and_a_database_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with closing(sqlite3.connect(tmp_path / "chat.db")) as connection:
        connection.execute("CREATE TABLE some (thing)")

    for name in ("new.db", "empty.db", "chat.db"):
        check_file(tmp_path / name)

    assert not (tmp_path / "new.db").exists()


def test_what_cannot_be_a_database_is_refused_with_its_reason(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("Not a database at all.")

    assert "is no SQLite database" in refusal(notes)
    assert "there is no directory" in refusal(tmp_path / "nowhere" / "chat.db")
    assert "Is a directory" in refusal(tmp_path)
    assert "Not a directory" in refusal(notes / "chat.db")
    assert notes.read_text() == "Not a database at all."


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write every file")
def test_a_file_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    path.touch(mode=0o400)

    assert "Permission denied" in refusal(path)


def test_a_file_is_claimed_by_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    claim = claim_file(path)
    with pytest.raises(UsageError, match="another server uses this database"):
        claim_file(path)

    claim.close()

    claim_file(path).close()
