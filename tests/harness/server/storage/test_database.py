from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.server.__main__ import main
from harness.server.storage.database import PostgresUrl, open_storage, parse_database

SECRET = "hunter2-pass"


@pytest.mark.parametrize("text", ["chat.db", "/var/lib/chat.db", "postgresql/chat.db"])
def test_whatever_is_no_url_is_a_path(text: str) -> None:
    assert parse_database(text) == Path(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"postgresql://chat:{SECRET}@db.test:5433/room", "postgresql://chat@db.test:5433/room"),
        (f"postgres://chat@db.test/room?password={SECRET}", "postgresql://chat@db.test/room"),
        ("postgresql:///room?host=/run/pg", "postgresql:///run/pg/room"),
        ("postgresql://", "postgresql:///"),
    ],
)
def test_a_url_is_shown_without_its_password(text: str, shown: str) -> None:
    database = parse_database(text)

    assert isinstance(database, PostgresUrl)
    assert database.url == text
    assert str(database) == shown
    assert SECRET not in repr(database)


@pytest.mark.parametrize(
    "text",
    [
        f"mysql://chat:{SECRET}@db.test/room",
        f"postgresql://chat:{SECRET}%zz@db.test/room",
        f"postgresql://chat:{SECRET}@db.test/room?nonsense=1",
        f"postgresql://chat:{SECRET}@[db.test/room",
    ],
)
def test_nonsense_is_one_line_that_does_not_quote_it(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--database: .*postgresql://") as caught:
        parse_database(text)

    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("where", ["127.0.0.1:1", "127.0.0.1:70000", "127.0.0.1:x"])
def test_a_database_that_cannot_be_reached_is_one_line_without_a_password(where: str) -> None:
    database = parse_database(f"postgresql://chat:{SECRET}@{where}/room")
    with pytest.raises(UsageError, match=r"^--database postgresql://chat@127") as caught:
        open_storage(database, lambda changes: None, once=True)

    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_server_refuses_it_with_one_line_and_exit_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = f"postgresql://chat:{SECRET}@127.0.0.1:1/room"

    assert main(["--database", url], {"CHATQUAKE_JWT_SECRET": "s" * 32}) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "postgresql://chat@127.0.0.1:1/room: cannot be used" in err
    assert SECRET not in err
