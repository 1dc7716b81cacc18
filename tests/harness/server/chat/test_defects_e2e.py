"""Planted defects of the chat's routes over real sockets, and in the face of a kill."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.server.builders import join_frame, room_filter
from tests.harness.server.running import WAIT_S, Server, message_id, running, socket, token

pytestmark = pytest.mark.e2e

ROOM = 42
SOON_S = 0.5


def polled(server: Server, after: int = 0) -> list[int]:
    answer = httpx.get(
        f"{server.api_url}/api/messages?webinarId={ROOM}&after={after}",
        headers={"Authorization": f"Bearer {token()}"},
        trust_env=False,
    )
    return [row["id"] for row in answer.json()["messages"]]


def eventually(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def turn(server: Server, **switches: Any) -> None:
    httpx.patch(f"{server.admin_url}/switches", json=switches, trust_env=False).raise_for_status()


def send_in_vain(server: Server, number: int) -> None:
    """A send whose answer does not come in time."""
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{server.api_url}/api/messages/create",
            json={"webinarId": ROOM, "clientMsgId": message_id(number), "body": "hi"},
            headers={"Authorization": f"Bearer {token()}"},
            timeout=SOON_S,
            trust_env=False,
        )


def test_a_kill_loses_what_was_acknowledged_before_its_commit(tmp_path: Path) -> None:
    database = tmp_path / "chat.db"
    options = ("--defect", "ack-before-commit", "--knob", "slow_commit_s=3600")
    with running(database, *options) as one:
        assert one.post().json()["success"]
        one.process.kill()
        one.wait()
    with running(database) as again:
        assert polled(again) == []


def test_a_stop_finishes_what_was_acknowledged_before_its_commit(tmp_path: Path) -> None:
    database = tmp_path / "chat.db"
    options = ("--defect", "ack-before-commit", "--knob", "slow_commit_s=3600")
    with running(database, *options) as one:
        row = one.post().json()["message"]
        one.process.terminate()
        assert one.wait() == 0
        assert one.process.stderr is not None
        assert one.process.stderr.read() == ""
    with running(database) as again:
        assert polled(again) == [row["id"]]


def test_a_lost_acknowledgement_leaves_the_row_and_the_connection_open(tmp_path: Path) -> None:
    with running(tmp_path / "chat.db", "--defect", "ack-lost") as one:
        for number in range(3):
            assert one.post(number=number).json()["success"]
        send_in_vain(one, 3)

        assert polled(one) == [1, 2, 3, 4]


def test_a_poll_that_follows_the_greatest_id_misses_a_late_commit(tmp_path: Path) -> None:
    options = ("--defect", "poll-id-gap", "--knob", "slow_commit_s=2")
    with running(tmp_path / "chat.db", *options) as one:
        for number in range(4):
            one.post(number=number)
        send_in_vain(one, 4)  # the fifth: it has its id, and waits
        one.post(number=5)
        cursor = max(polled(one))
        eventually(lambda: len(polled(one)) == 6)

        assert cursor == 6
        assert polled(one, after=cursor) == []


def test_a_repeated_send_is_sent_over_realtime_again_where_that_is_planted(tmp_path: Path) -> None:
    options = ("--defect", "rebroadcast-on-retry", "--knob", "system_ok_delay_s=0.01")
    with running(tmp_path / "chat.db", *options) as one, socket(one) as listener:
        listener.send(join_frame(room_filter(ROOM), token=token()))
        assert listener.events(2) == ["phx_reply", "system"]
        one.post()
        first = listener.receive()
        one.post()
        again = listener.receive()

    assert (first.event, again.event) == ("postgres_changes", "postgres_changes")


def test_defects_come_and_go_while_the_server_runs(tmp_path: Path) -> None:
    with running(tmp_path / "chat.db") as one:
        turn(one, defects=["hang-create"])
        send_in_vain(one, 0)
        turn(one, defects=["no-unique-key"], knobs={"max_body_chars": 5})
        ids = [one.post(number=1).json()["message"]["id"] for _ in range(2)]
        too_long = one.post("too long", number=2)
        turn(one, defects=[])

        assert len(set(ids)) == 2
        assert too_long.status_code == 400
        assert polled(one) == ids
