from __future__ import annotations

import stat
from pathlib import Path

import pytest

from harness.errors import UsageError
from scenarios.serve_secret import SECRET_VARIABLE, find_secret

URL = "postgresql://me:password@127.0.0.1/chat"


def test_the_secret_of_the_environment_goes_first(tmp_path: Path) -> None:
    found = find_secret(str(tmp_path / "chat.db"), {SECRET_VARIABLE: "x" * 32}, keeps=True)

    assert found.value == "x" * 32
    assert list(tmp_path.iterdir()) == []


def test_a_database_file_keeps_its_secret(tmp_path: Path) -> None:
    first = find_secret(str(tmp_path / "chat.db"), {}, keeps=True)
    again = find_secret(str(tmp_path / "chat.db"), {}, keeps=True)
    other = find_secret(str(tmp_path / "other.db"), {}, keeps=True)

    assert first.value == again.value != other.value
    assert "chat.db.secret" in first.origin


def test_a_kept_secret_is_for_its_owner_alone(tmp_path: Path) -> None:
    find_secret(str(tmp_path / "chat.db"), {}, keeps=True)

    assert stat.S_IMODE((tmp_path / "chat.db.secret").stat().st_mode) == 0o600


def test_a_database_that_goes_away_leaves_no_secret(tmp_path: Path) -> None:
    find_secret(str(tmp_path / "chat.db"), {}, keeps=False)

    assert list(tmp_path.iterdir()) == []


def test_a_url_says_how_to_keep_the_secret() -> None:
    found = find_secret(URL, {}, keeps=True)

    assert SECRET_VARIABLE in found.origin
    assert find_secret(URL, {}, keeps=True).value != found.value


def test_the_secret_is_not_shown_with_its_origin(tmp_path: Path) -> None:
    found = find_secret(str(tmp_path / "chat.db"), {}, keeps=True)

    assert found.value not in repr(found)


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 40])
def test_a_file_that_holds_no_secret_is_one_line_that_names_it(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "chat.db.secret").write_bytes(content)

    with pytest.raises(UsageError, match=r"chat\.db\.secret") as caught:
        find_secret(str(tmp_path / "chat.db"), {}, keeps=True)

    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there_is_one_line_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        find_secret(str(tmp_path / "nowhere" / "chat.db"), {}, keeps=True)
