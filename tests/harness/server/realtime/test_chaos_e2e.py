"""What a running server does to its sockets when its knobs and its admin port say so."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from harness.wire.binary import decode_from_server
from harness.wire.phoenix import EMPTY, Frame, decode
from tests.harness.server.builders import TOPIC, join_frame, room_filter
from tests.harness.server.realtime.speaking import typing_push
from tests.harness.server.running import WAIT_S, Server, Socket, running, socket, token

pytestmark = pytest.mark.e2e

HEARTBEAT = Frame(None, "1", "phoenix", "heartbeat", EMPTY)
UNTOUCHED: dict[str, Any] = {
    "handshake_status": 0,
    "handshake_hang": False,
    "accept_then_close": 0,
    "half_open": False,
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    database = tmp_path_factory.mktemp("chaos") / "chat.db"
    knobs = ("connect_error_backoff_s=0", "system_ok_delay_s=0", "poll_interval_s=0")
    quick = [word for knob in knobs for word in ("--knob", knob)]
    with running(database, *quick) as server:
        yield server


@pytest.fixture
def server(shared: Server) -> Iterator[Server]:
    yield shared
    turn(shared, **UNTOUCHED)


def turn(server: Server, **knobs: Any) -> None:
    answer = httpx.patch(f"{server.admin_url}/switches", json={"knobs": knobs}, trust_env=False)
    assert answer.status_code == 200, answer.text


def act(server: Server, path: str, **body: Any) -> dict[str, int]:
    answer = httpx.post(f"{server.admin_url}{path}", json=body, trust_env=False)
    assert answer.status_code == 200, answer.text
    counts: dict[str, int] = answer.json()
    return counts


def joined(one: Socket) -> None:
    one.send(join_frame(room_filter(), token=token()))
    assert one.events(2) == ["phx_reply", "system"]


def close_code(one: Socket) -> int | None:
    """How the socket ended; ``None``: without a Close frame."""
    while True:
        try:
            one.receive()
        except ConnectionClosed as ended:
            return None if ended.rcvd is None else ended.rcvd.code


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 426, 429, 500])
def test_handshakes_are_answered_with_the_status_that_is_forced(
    server: Server, status: int
) -> None:
    turn(server, handshake_status=status)

    answer = httpx.get(
        server.realtime_url().replace("ws://", "http://"),
        headers={
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        },
        trust_env=False,
    )

    assert answer.status_code == status
    assert bool(answer.content) is (status not in (200, 400, 426))


def test_a_handshake_can_hang_and_the_next_one_succeed(server: Server) -> None:
    turn(server, handshake_hang=True)
    with pytest.raises(TimeoutError):
        connect(server.realtime_url(), open_timeout=0.3)

    turn(server, handshake_hang=False)
    with socket(server) as one:
        joined(one)


@pytest.mark.parametrize(("code", "seen"), [(1000, 1000), (1011, 1011), (1006, None)])
def test_a_socket_can_be_closed_as_soon_as_it_is_open(
    server: Server, code: int, seen: int | None
) -> None:
    turn(server, accept_then_close=code)

    with socket(server) as one:
        assert close_code(one) == seen


def test_a_half_open_socket_is_silent_until_it_is_whole_again(server: Server) -> None:
    with socket(server) as one:
        joined(one)
        turn(server, half_open=True)
        one.send(HEARTBEAT)
        assert server.post(number=1).is_success
        with pytest.raises(TimeoutError):
            one.connection.recv(0.3)

        turn(server, half_open=False)
        assert one.receive().topic == "phoenix"
        assert server.post(number=2).is_success
        data = json.loads(bytes(one.receive().payload))
        assert data["data"]["record"]["client_msg_id"].endswith("2")


@pytest.mark.parametrize(("code", "seen"), [(1001, 1001), (1012, 1012), (None, None)])
def test_all_sockets_can_be_closed(server: Server, code: int | None, seen: int | None) -> None:
    with socket(server) as one, socket(server, "1.0.0") as other:
        joined(one)
        assert act(server, "/sockets/close", code=code)["sockets"] >= 2

        assert [close_code(one), close_code(other)] == [seen, seen]


def test_a_drain_tells_every_channel_first(server: Server) -> None:
    with socket(server) as one:
        joined(one)
        act(server, "/sockets/close", farewell=True)

        assert one.receive().event == "system"
        assert close_code(one) == 1012


def test_channels_can_be_ended_and_crashed_while_their_socket_stays(server: Server) -> None:
    with socket(server) as one:
        joined(one)
        assert act(server, "/channels/crash", topic=TOPIC) == {"channels": 1}
        assert one.receive().event == "phx_error"
        joined(one)
        assert act(server, "/channels/close", topic=TOPIC, message="over") == {"channels": 1}
        assert one.events(2) == ["system", "phx_close"]
        joined(one)
        assert act(server, "/channels/close", topic=TOPIC) == {"channels": 1}
        assert one.receive().event == "phx_close"
        assert act(server, "/channels/close", topic=TOPIC) == {"channels": 0}
        one.send(HEARTBEAT)
        assert one.receive().topic == "phoenix"


def test_an_action_that_makes_no_sense_is_refused_in_one_line(server: Server) -> None:
    answer = httpx.post(f"{server.admin_url}/sockets/close", json={"code": 5}, trust_env=False)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("sockets/close: ")


def test_a_binary_broadcast_reaches_both_serializers_and_http_reaches_them_too(
    server: Server,
) -> None:
    with socket(server) as sender, socket(server) as new, socket(server, "1.0.0") as old:
        for one in (sender, new, old):
            joined(one)
        sender.connection.send(typing_push())

        data = new.connection.recv(5.0)
        assert isinstance(data, bytes)
        assert decode_from_server(data).event == "typing"
        text = old.connection.recv(5.0)
        expected = {"type": "broadcast", "event": "typing", "payload": {}}
        assert json.loads(bytes(decode(text, "1.0.0").payload)) == expected

        name = TOPIC.removeprefix("realtime:")
        answer = httpx.post(
            f"http://127.0.0.1:{server.realtime_port}/realtime/v1/api/broadcast/{name}/events/hi",
            headers={"Authorization": f"Bearer {token()}"},
            json={},
            trust_env=False,
        )
        assert answer.status_code == 202
        for one in (sender, new):
            data = one.connection.recv(5.0)
            assert isinstance(data, bytes)
            assert decode_from_server(data).event == "hi"


def test_changes_over_the_quota_are_discarded_in_silence_and_counted(tmp_path: Path) -> None:
    options = ("--knob", "plan=free", "--knob", "system_ok_delay_s=0", "--knob", "max_channels=600")
    with running(tmp_path / "chat.db", *options) as server, socket(server) as one:
        for number in range(300):
            topic = f"realtime:{number}"
            one.send(join_frame(room_filter(), token=token(), topic=topic))
        one.events(600)
        for number in range(4):
            server.post(number=number)
        assert set(one.events(1200)) == {"postgres_changes"}

        deadline_s = time.monotonic() + 2 * WAIT_S  # the quota looks at five seconds
        discarded = 0
        number = 4
        while not discarded and time.monotonic() < deadline_s:
            server.post(number=number)
            number += 1
            time.sleep(0.5)
            discarded = server.admin("/stats")[0]["changes_discarded"]

        assert discarded
        one.send(HEARTBEAT)
        while (frame := one.receive()).event == "postgres_changes":
            continue
        assert frame.topic == "phoenix"
