from __future__ import annotations

import stat
from pathlib import Path

import pytest

from harness.errors import UsageError
from scenarios.serve_secret import SECRET_VARIABLE, JwtSecret
from scenarios.serve_secret import find_secret as find_secret_at

NOW_UNIX_S = 1_800_000_000.0
URL = "postgresql://me:password@127.0.0.1/chat"


def find_secret(database: str, environ: dict[str, str], *, keeps: bool) -> JwtSecret:
    return find_secret_at(database, environ, keeps=keeps, now_unix_s=NOW_UNIX_S)


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


def test_a_secret_that_stays_the_same_keeps_its_age(tmp_path: Path) -> None:
    for environ in ({}, {SECRET_VARIABLE: "x" * 32}):
        first = find_secret(str(tmp_path / "chat.db"), environ, keeps=True)
        later = find_secret_at(
            str(tmp_path / "chat.db"), environ, keeps=True, now_unix_s=NOW_UNIX_S + 60
        )

        assert later.made_unix_s == first.made_unix_s


def test_a_secret_that_is_made_up_is_as_old_as_its_server(tmp_path: Path) -> None:
    assert find_secret(URL, {}, keeps=True).made_unix_s == NOW_UNIX_S
    assert find_secret("chat.db", {}, keeps=False).made_unix_s == NOW_UNIX_S


def test_a_short_secret_of_the_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{SECRET_VARIABLE}: must hold 32 .* not 5"):
        find_secret(str(tmp_path / "chat.db"), {SECRET_VARIABLE: "short"}, keeps=True)


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
    with pytest.raises(UsageError, match="nowhere") as caught:
        find_secret(str(tmp_path / "nowhere" / "chat.db"), {}, keeps=True)

    assert "(No such file or directory)" in str(caught.value)
