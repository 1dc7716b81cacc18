"""Which user and which message are meant. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from harness.commitlog import Commit
from harness.errors import UsageError
from harness.runsettings import PlannedSend
from reports.story.life import Row, rows_of
from reports.story.words import listed, tamed

_MOST_NAMED = 4


@dataclass(frozen=True)
class Message:
    """A message as planned, committed, or both."""

    client_msg_id: str
    """Empty for a row that came without one."""
    room: int
    author: int | None
    """``None``: nobody whom the run emulated."""
    body: str
    planned: PlannedSend | None
    rows: tuple[Row, ...]
    """In commit order; none: never committed."""

    @property
    def row_ids(self) -> frozenset[int]:
        return frozenset(row.row_id for row in self.rows)


def find_user(asked: str, count: int, numbers: Mapping[str, int]) -> int:
    """The number of ``asked``, a number or a ``user_id``. ``numbers`` by ``user_id``.

    Raises :class:`UsageError` where there is no such user.
    """
    text = asked.strip()
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) < count:
        return int(text)
    try:
        user_id = str(UUID(text))
    except ValueError:
        user_id = text
    if user_id in numbers:
        return numbers[user_id]
    known = f"users are 0 to {count - 1}" if count > 1 else "the only user is 0"
    raise UsageError(
        f"--user {tamed(asked)}: there is no such user; {known}, or a user_id (UUID) of this run"
    )


def find_message(
    asked: str,
    plan: Sequence[PlannedSend],
    commits: Sequence[Commit],
    numbers: Mapping[str, int],
) -> Message:
    """The message of a ``client_msg_id``, of the beginning of one, or of a row id.

    Digits that are a row id mean that row. Raises :class:`UsageError` where none or several fit.
    """
    text = asked.strip().lower()
    inserts = [commit for commit in commits if commit.op == "INSERT"]
    if text.isascii() and text.isdigit():
        row = next((commit for commit in inserts if str(commit.row_id) == text), None)
        if row is not None:
            return _message(row.client_msg_id, row.row_id, plan, commits, numbers)
    ids = {send.client_msg_id for send in plan} | {commit.client_msg_id for commit in inserts}
    fits = sorted(one for one in ids if one and one.lower().startswith(text)) if text else []
    exact = [one for one in fits if one.lower() == text]
    if len(fits) == 1 or exact:
        return _message((exact or fits)[0], None, plan, commits, numbers)
    if fits:
        some = listed([one[: len(text) + 4] for one in fits], _MOST_NAMED)
        raise UsageError(
            f"--around {tamed(asked)}: {len(fits)} messages begin so ({some}); give more of it"
        )
    numbered = sorted(commit.row_id for commit in inserts)
    rows = f"row ids are {numbered[0]} to {numbered[-1]}" if numbered else "no row was committed"
    raise UsageError(
        f"--around {tamed(asked)}: there is no such message; give a client_msg_id as in "
        f"plan.jsonl, the beginning of one, or a row id ({rows})"
    )


def _message(
    client_msg_id: str,
    row_id: int | None,
    plan: Sequence[PlannedSend],
    commits: Sequence[Commit],
    numbers: Mapping[str, int],
) -> Message:
    planned = None
    if client_msg_id:
        planned = next((send for send in plan if send.client_msg_id == client_msg_id), None)
    # A row without a client_msg_id is a message of its own.
    wanted = {
        commit.row_id
        for commit in commits
        if commit.op == "INSERT"
        and (commit.client_msg_id == client_msg_id if client_msg_id else commit.row_id == row_id)
    }
    of_message = [commit for commit in commits if commit.row_id in wanted]
    rooms = frozenset(commit.webinar_id for commit in of_message)
    rows = tuple(rows_of(of_message, rooms, numbers).values())
    if planned is not None:
        return Message(client_msg_id, planned.room, planned.user, planned.body, planned, rows)
    first = rows[0]
    return Message(client_msg_id, first.room, first.author, first.body, None, rows)
