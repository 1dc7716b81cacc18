"""Users and messages by what people type, and what is said where nothing fits."""

from __future__ import annotations

import pytest

from harness.commitlog import Commit
from harness.errors import UsageError
from harness.runsettings import PlannedSend
from reports.story.asking import find_message, find_user

USER_ID = "8fe6ea95-3ed0-5669-8d17-125b5a82832b"
NUMBERS = {USER_ID: 4}
PLAN = [
    PlannedSend(user=4, number=i, room=7, at_s=1.0, client_msg_id=key, body="hello")
    for i, key in enumerate(("3f2a9c1e-a", "3f2a0000-b", "57aaaaaa-c"))
]


def commit(row_id: int, key: str, seq: int = 1) -> Commit:
    return Commit(
        seq=seq,
        op="INSERT",
        row_id=row_id,
        webinar_id=7,
        user_id=USER_ID,
        client_msg_id=key,
        body="hello",
        committed_s=1.0,
    )


COMMITS = [commit(57, "3f2a9c1e-a"), commit(58, ""), commit(59, "3f2a9c1e-a"), commit(60, "")]


@pytest.mark.parametrize("asked", ["4", " 4 ", USER_ID, USER_ID.upper()])
def test_a_user_is_found_by_number_and_by_id(asked: str) -> None:
    assert find_user(asked, 50, NUMBERS) == 4


@pytest.mark.parametrize("asked", ["50", "-1", "٣", "", "x", "9" * 30, "\x1b[2J"])
def test_an_unknown_user_is_told_who_there_is(asked: str) -> None:
    with pytest.raises(UsageError, match="users are 0 to 49") as error:
        find_user(asked, 50, NUMBERS)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("asked", ["3f2a9c1e-a", "3F2A9", "57", "59"])
def test_a_message_is_found_by_id_prefix_and_row_with_all_its_rows(asked: str) -> None:
    found = find_message(asked, PLAN, COMMITS, NUMBERS)

    assert (found.client_msg_id, found.author) == ("3f2a9c1e-a", 4)
    assert found.row_ids == {57, 59}


def test_a_message_that_was_never_committed_is_found_in_the_plan() -> None:
    found = find_message("3f2a0", PLAN, COMMITS, NUMBERS)

    assert (found.planned, found.rows) == (PLAN[1], ())


def test_rows_without_an_id_are_messages_of_their_own() -> None:
    assert find_message("58", PLAN, COMMITS, NUMBERS).row_ids == {58}


def test_a_beginning_that_fits_several_messages_names_them() -> None:
    with pytest.raises(UsageError, match=r"2 messages begin so \(3f2a000, 3f2a9c1\)"):
        find_message("3f2", PLAN, COMMITS, NUMBERS)


@pytest.mark.parametrize("asked", ["61", "zz", ""])
def test_an_unknown_message_is_told_what_there_is(asked: str) -> None:
    with pytest.raises(UsageError, match="row ids are 57 to 60"):
        find_message(asked, PLAN, COMMITS, NUMBERS)
