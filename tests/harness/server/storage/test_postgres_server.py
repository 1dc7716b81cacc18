"""The whole server on PostgreSQL: the same message by the answer, Realtime and the log."""

from __future__ import annotations

import msgspec
import pytest

from harness.wire.changes import ChangePayload
from tests.harness.server.builders import join_frame, room_filter
from tests.harness.server.running import running, socket, token

pytestmark = pytest.mark.e2e


def test_a_message_is_the_same_on_every_path(database: str) -> None:
    with running(database) as server, socket(server) as one:
        one.send(join_frame(room_filter(), token=token()))
        assert one.events(2) == ["phx_reply", "system"]
        answer = server.post("안녕").json()["message"]
        frame = one.receive()
        (commit,) = server.admin("/commits")

    assert frame.event == "postgres_changes"
    record = msgspec.json.decode(frame.payload, type=ChangePayload).data.record
    assert msgspec.to_builtins(record) == answer
    assert (commit["row_id"], commit["body"]) == (answer["id"], "안녕")
