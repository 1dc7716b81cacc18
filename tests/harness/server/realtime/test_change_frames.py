from __future__ import annotations

from typing import Any

import msgspec
import pytest

from harness.server.realtime.change_frames import change_data, change_payload
from harness.server.storage.model import Op
from harness.wire.changes import MESSAGE_COLUMNS, ChangePayload
from tests.harness.server.builders import change, row


def data_of(op: Op, *, whole_old: bool = False) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(
        change_data(change(op), "2026-11-23T10:00:00.123Z", whole_old=whole_old)
    )
    return decoded


def test_an_insert_has_the_row_and_no_old_record() -> None:
    data = data_of("INSERT")

    assert data.pop("columns") == [{"name": one.name, "type": one.type} for one in MESSAGE_COLUMNS]
    assert data == {
        "schema": "public",
        "table": "messages",
        "commit_timestamp": "2026-11-23T10:00:00.123Z",
        "type": "INSERT",
        "errors": None,
        "record": msgspec.to_builtins(row()),
    }


def test_an_update_has_both_records() -> None:
    data = data_of("UPDATE")

    assert data["record"]["hidden"] is True
    assert data["old_record"] == {"id": 901}
    assert data_of("UPDATE", whole_old=True)["old_record"] == msgspec.to_builtins(row())


@pytest.mark.parametrize("whole_old", [False, True])
def test_a_delete_has_the_key_alone_and_no_record(whole_old: bool) -> None:
    data = data_of("DELETE", whole_old=whole_old)

    assert data["old_record"] == {"id": 901}
    assert "record" not in data


def test_a_client_reads_the_payload_back() -> None:
    content = change_payload((5, 6), change_data(change(), "x", whole_old=False))

    read = msgspec.json.decode(content, type=ChangePayload)

    assert read.ids == [5, 6]
    assert read.data.record == row()
