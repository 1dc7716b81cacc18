from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.server.storage.wal2json import Place, decode, lsn_of, lsn_text
from harness.wire.changes import MessageRow
from tests.harness.server.storage.backends import USER

STAMP = "2026-11-23 10:00:01.5+00"
MESSAGE = "00000000-0000-0000-0000-000000000001"
ROW = {
    "id": 7,
    "webinar_id": 42,
    "user_id": USER,
    "client_msg_id": MESSAGE,
    "body": 'hi "you"',
    "created_at": "2026-11-23 10:00:00.12+00",
    "hidden": False,
}
MESSAGE_ROW = MessageRow(
    7, 42, USER, MESSAGE, 'hi "you"', "2026-11-23T10:00:00.12+00:00", hidden=False
)


def columns(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def line(lsn: str, action: str, **more: Any) -> tuple[str, str]:
    return lsn, json.dumps({"action": action, "timestamp": STAMP, **more})


def change(action: str, **parts: dict[str, Any]) -> tuple[str, str]:
    more = {name: columns(values) for name, values in parts.items()}
    return line("0/1", action, schema="chatquake", table="messages", **more)


def test_an_insert_has_the_row() -> None:
    (one,) = decode([line("0/1", "B"), change("I", columns=ROW), line("0/A0", "C")])

    assert (one.op, one.row, one.old) == ("INSERT", MESSAGE_ROW, None)
    assert one.committed_unix_s == 1_795_428_001.5
    assert one.place == Place(0xA0, 0)


def test_an_update_has_both_rows_and_fills_in_what_is_left_out() -> None:
    short = {name: value for name, value in ROW.items() if name != "body"} | {"hidden": True}
    lines = [line("0/1", "B"), change("U", columns=short, identity=ROW), line("0/A0", "C")]
    (one,) = decode(lines)

    assert (one.op, one.old) == ("UPDATE", MESSAGE_ROW)
    assert one.row == MessageRow(
        7, 42, USER, MESSAGE, 'hi "you"', "2026-11-23T10:00:00.12+00:00", hidden=True
    )


def test_a_delete_has_the_row_as_it_was() -> None:
    (one,) = decode([line("0/1", "B"), change("D", identity=ROW), line("0/A0", "C")])

    assert (one.op, one.row, one.old) == ("DELETE", None, MESSAGE_ROW)


def test_changes_are_placed_by_the_end_of_their_transaction() -> None:
    insert = change("I", columns=ROW)
    lines = [
        *(line("0/1", "B"), insert, insert, line("0/A0", "C")),
        *(line("0/A0", "B"), line("0/B0", "C")),
        *(line("0/B0", "B"), insert, line("1/0", "C")),
    ]

    assert [one.place for one in decode(lines)] == [
        *(Place(0xA0, 0), Place(0xA0, 1)),
        Place(1 << 32, 0),
    ]


@given(st.integers(0, 2**64 - 1))
def test_an_lsn_is_a_number(lsn: int) -> None:
    assert lsn_of(lsn_text(lsn)) == lsn
