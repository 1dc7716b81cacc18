from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from harness.server.defects import Defect
from harness.server.knobs import Knobs
from harness.server.realtime.changes.frames import Rendering, change_data, change_payload
from harness.server.storage.model import Op
from harness.server.switches import Switches
from harness.wire.changes import MESSAGE_COLUMNS, ChangePayload
from tests.harness.server.builders import change, row


def data_of(op: Op, *select: str, **rendering: Any) -> dict[str, Any]:
    chosen = Rendering(**rendering)
    decoded: dict[str, Any] = msgspec.json.decode(
        change_data(change(op), "2026-11-23T10:00:00.123Z", chosen, select or None)
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
    content = change_payload((5, 6), change_data(change(), "x", Rendering()))

    read = msgspec.json.decode(content, type=ChangePayload)

    assert read.ids == [5, 6]
    assert read.data.record == row()


def test_selected_columns_come_with_the_key_and_no_others() -> None:
    data = data_of("UPDATE", "body", whole_old=True)

    assert [one["name"] for one in data["columns"]] == ["id", "body"]
    assert data["record"] == {"id": 901, "body": "hi"}
    assert data["old_record"] == {"id": 901, "body": "hi"}


def test_a_change_that_is_too_large_goes_without_its_longer_values() -> None:
    body = "x" * 63  # 65 bytes with its quotes
    long = replace(change(), row=msgspec.structs.replace(row(), body=body))
    size_bytes = len(change_data(long, "x", Rendering()))

    fits = msgspec.json.decode(change_data(long, "x", Rendering(max_bytes=size_bytes)))
    cut = msgspec.json.decode(change_data(long, "x", Rendering(max_bytes=size_bytes - 1)))

    assert (fits["errors"], fits["record"]["body"]) == (None, body)
    assert cut["errors"] == ["Error 413: Payload Too Large"]
    assert set(fits["record"]) - set(cut["record"]) == {"body"}
    assert cut["columns"] == fits["columns"]


@pytest.mark.parametrize("op", ["INSERT", "UPDATE", "DELETE"])
def test_without_id_both_records_lack_it(op: Op) -> None:
    data = data_of(op, without_id=True)

    records = [data[name] for name in ("record", "old_record") if name in data]
    assert records
    assert not any("id" in one for one in records)


def test_a_stale_update_carries_the_row_as_it_was() -> None:
    update = data_of("UPDATE", stale_update=True, whole_old=True)

    assert update["record"] == update["old_record"] == msgspec.to_builtins(row(hidden=False))
    assert data_of("INSERT", stale_update=True) == data_of("INSERT")
    assert data_of("DELETE", stale_update=True) == data_of("DELETE")


def test_the_switches_say_how_changes_are_sent() -> None:
    defects = frozenset({Defect.EVENT_WITHOUT_ID, Defect.STALE_UPDATE})
    switches = Switches(Knobs(replica_identity_full=True, max_change_bytes=7), defects)

    assert Rendering.of(switches) == Rendering(
        whole_old=True, max_bytes=7, without_id=True, stale_update=True
    )
