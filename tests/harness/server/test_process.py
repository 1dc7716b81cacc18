"""The server as a process, over real sockets."""

from __future__ import annotations

import signal
import socket as sockets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from harness.wire.changes import ChangePayload
from harness.wire.phoenix import Frame, Vsn, payload
from tests.harness.server.builders import SECRET, TOPIC, join_frame, room_filter
from tests.harness.server.running import (
    WAIT_S,
    Server,
    message_id,
    running,
    socket,
    start,
    token,
)

pytestmark = pytest.mark.e2e

MAX_FRAME_BYTES = 20_000
QUICK = (
    *("--knob", f"max_frame_bytes={MAX_FRAME_BYTES}"),
    *("--knob", "connect_error_backoff_s=0.05"),
    *("--knob", "join_error_backoff_s=0.2"),
    *("--knob", "system_ok_delay_s=0.01"),
    *("--knob", "poll_interval_s=0"),
)
HEARTBEAT = Frame(None, "99", "phoenix", "heartbeat", payload({}))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server") / "chat.db", *QUICK) as one:
        yield one


def joining(room: int, *, lifetime_s: int = 3600) -> Frame:
    return join_frame(room_filter(room), token=token(lifetime_s))


@pytest.mark.parametrize(("vsn", "room"), [("1.0.0", 101), ("2.0.0", 102)])
def test_a_committed_message_reaches_a_live_channel(server: Server, vsn: Vsn, room: int) -> None:
    with socket(server, vsn) as one:
        one.send(joining(room))
        assert one.events(2) == ["phx_reply", "system"]
        answer = server.post("안녕", room=room).json()
        frame = one.receive()

    assert frame.event == "postgres_changes"
    record = msgspec.json.decode(frame.payload, type=ChangePayload).data.record
    assert msgspec.to_builtins(record) == answer["message"]
    (commit,) = [one for one in server.admin("/commits") if one["webinar_id"] == room]
    assert commit["row_id"] == answer["message"]["id"]
    assert commit["seq"] not in {
        one["seq"] for one in server.admin(f"/commits?after={commit['seq']}")
    }


def test_the_subscription_log_follows_a_channel_to_the_end(server: Server) -> None:
    with socket(server) as one:
        one.send(joining(103))
        one.events(2)
    deadline_s = time.monotonic() + WAIT_S
    whats: list[str] = []
    while whats[-1:] != ["lost"] and time.monotonic() < deadline_s:
        log = [line for line in server.admin("/subscriptions") if line["webinar_id"] == 103]
        whats = [line["what"] for line in log]

    assert whats == ["joined", "live", "lost"]
    assert [line["t_s"] for line in log] == sorted(line["t_s"] for line in log)


def test_a_bad_api_key_is_refused_before_the_upgrade(server: Server) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(server.realtime_url(key=""))

    response = refused.value.response
    assert response.status_code == 401
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.body == b'{"error":"The token provided is not a valid JWT"}'


def test_an_unknown_vsn_is_refused_with_an_empty_403(server: Server) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(server.realtime_url(vsn="9.0.0"))

    assert refused.value.response.status_code == 403
    assert not refused.value.response.body


def test_malformed_frames_leave_the_socket_open(server: Server) -> None:
    with socket(server) as one:
        one.connection.send("not a frame")
        one.connection.send(b"\x03binary")
        one.send(HEARTBEAT)

        assert one.receive().ref == "99"


def test_a_heartbeat_waits_behind_a_join_that_is_refused(server: Server) -> None:
    with socket(server) as one:
        one.send(join_frame(room_filter(), token="nonsense"))
        one.send(HEARTBEAT)

        assert [one.receive().topic for _ in range(2)] == [TOPIC, "phoenix"]


def test_an_expired_token_ends_the_channel_and_not_the_socket(server: Server) -> None:
    with socket(server) as one:
        one.send(joining(105, lifetime_s=2))
        assert one.events(4) == ["phx_reply", "system", "system", "phx_close"]
        one.send(HEARTBEAT)
        assert one.receive().topic == "phoenix"


def test_a_frame_over_the_limit_ends_the_socket_with_1009(server: Server) -> None:
    with socket(server) as one:
        one.connection.send("x" * (MAX_FRAME_BYTES + 1))
        with pytest.raises(ConnectionClosed):
            one.receive()

        assert one.connection.close_code == 1009


def test_a_request_whose_client_is_gone_is_still_committed(server: Server) -> None:
    body = msgspec.json.encode({"webinarId": 106, "clientMsgId": message_id(0), "body": "hi"})
    head = (
        f"POST /api/messages/create HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token()}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    url = httpx.URL(server.api_url)
    with sockets.create_connection((url.host, url.port or 0)) as raw:
        raw.sendall(head.encode() + body)
    deadline_s = time.monotonic() + WAIT_S
    while not (commits := [one for one in server.admin("/commits") if one["webinar_id"] == 106]):
        assert time.monotonic() < deadline_s

    assert commits[0]["body"] == "hi"


def test_stats_tell_how_the_process_is_doing(server: Server) -> None:
    with socket(server):
        (stats,) = server.admin("/stats")

    assert set(stats) == {
        *("cpu_s", "cpu_wait_s", "loop_lag_s", "rss_bytes", "open_fds"),
        *("connections", "slow_readers_dropped", "changes_discarded"),
        *("storage", "unique_key_holds"),
    }
    assert (stats["storage"], stats["unique_key_holds"]) == ("ok", True)
    assert stats["connections"] >= 1


def test_no_web_page_gets_an_account_from_the_admin_port(server: Server) -> None:
    for named in ({"Origin": "http://evil.test"}, {"Host": "evil.test:4100"}):
        refusal = httpx.post(
            f"{server.admin_url}/accounts",
            content=b'{"email": "eve@example.com", "webinars": {"*": "moderator"}}',
            headers={"Content-Type": "text/plain", **named},
            trust_env=False,
        )

        assert refusal.status_code == 403
        assert refusal.json()["error"].startswith(next(iter(named)))


def test_an_open_host_leaves_the_admin_port_on_loopback(tmp_path: Path) -> None:
    with running(tmp_path / "chat.db", "--host", "::") as one:
        admin_port = httpx.URL(one.admin_url).port
        with pytest.raises(ConnectionRefusedError):
            sockets.create_connection(("::1", admin_port))
        sockets.create_connection(("::1", one.realtime_port)).close()

        assert one.admin("/health") == [{"status": "ok"}]


def test_an_idle_socket_is_closed_with_1000(tmp_path: Path) -> None:
    with running(tmp_path / "chat.db", "--knob", "idle_timeout_s=0.1") as one, socket(one) as idle:
        with pytest.raises(ConnectionClosed):
            idle.receive()

        assert idle.connection.close_code == 1000


def test_a_slow_reader_is_dropped_and_counted(tmp_path: Path) -> None:
    options = (*QUICK, *("--knob", "max_unsent_bytes=100000"), *("--knob", "max_body_chars=60000"))
    with running(tmp_path / "chat.db", *options) as one:
        slow = sockets.socket()
        # The less the two kernels hold for it, the sooner it is slow.
        slow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", one.realtime_port))
        with socket(one, sock=slow, max_queue=1, close_timeout=0.1) as reader:
            reader.send(joining(42))
            reader.events(2)
            number = 0
            while (stats := one.admin("/stats")[0])["connections"]:
                assert number < 300, "nobody was dropped"
                number += 1
                one.post("x" * 60_000, number)

    assert stats["slow_readers_dropped"] == 1


def test_sigterm_announces_the_end_closes_with_1012_and_keeps_everything(tmp_path: Path) -> None:
    database = tmp_path / "chat.db"
    with running(database, *QUICK) as one, socket(one) as client:
        client.send(joining(42))
        client.events(2)
        one.post()
        client.receive()
        one.process.send_signal(signal.SIGTERM)
        farewell = client.receive()
        with pytest.raises(ConnectionClosed):
            client.receive()

        assert b"Server requested disconnect" in bytes(farewell.payload)
        assert client.connection.close_code == 1012
        assert one.wait() == 0
        assert one.process.stderr is not None
        assert one.process.stderr.read() == ""
    with running(database) as again:
        assert [commit["seq"] for commit in again.admin("/commits")] == [1]


def test_a_killed_server_keeps_what_it_answered(tmp_path: Path) -> None:
    database = tmp_path / "chat.db"
    with running(database) as one:
        row = one.post().json()
        one.process.kill()
        one.wait()
    with running(database) as again:
        assert again.post().json() == row


def test_the_end_of_the_lifeline_stops_the_server(tmp_path: Path) -> None:
    with running(tmp_path / "chat.db", "--lifeline") as one:
        assert one.process.stdin is not None
        one.process.stdin.close()

        assert one.wait() == 0


def test_a_hanging_create_route_does_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    with running(tmp_path / "chat.db", "--defect", "hang-create") as one:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{one.api_url}/api/messages/create", timeout=0.3)
        one.process.terminate()

        assert one.wait() == 0


@pytest.mark.parametrize("defect", ["slow-commit", "poll-id-gap"])
def test_a_held_create_is_answered_with_its_row_when_the_server_stops(
    tmp_path: Path, defect: str
) -> None:
    database = tmp_path / "chat.db"
    planted = ("--defect", defect, "--knob", "slow_commit_s=60")
    with running(database, *planted) as one, ThreadPoolExecutor() as senders:
        # One send of ten is held by poll-id-gap, each by slow-commit.
        held = [senders.submit(one.post, "hi", number) for number in range(10)]
        time.sleep(0.5)  # nothing outside tells that a create is held
        one.process.terminate()
        answers = [answer.result() for answer in held]

        assert one.wait() == 0
        assert one.process.stderr is not None
        assert one.process.stderr.read() == ""
    assert {answer.status_code for answer in answers} == {200}
    with running(database) as again:
        rows = {commit["row_id"] for commit in again.admin("/commits")}
    assert {answer.json()["message"]["id"] for answer in answers} == rows


def test_a_repeated_send_makes_two_rows_without_the_unique_key(tmp_path: Path) -> None:
    with running(tmp_path / "chat.db", "--defect", "no-unique-key") as one:
        ids = [one.post().json()["message"]["id"] for _ in range(2)]

    assert ids == [1, 2]


def test_defects_that_can_do_nothing_are_noted_at_the_start(tmp_path: Path) -> None:
    planted = ("--defect", "mute", "--defect", "event-twice")
    with running(tmp_path / "chat.db", *planted) as one:
        one.process.terminate()
        one.wait()
        assert one.process.stderr is not None

        assert one.process.stderr.read() == (
            "note: event-twice can do nothing beside mute: nobody gets any row\n"
        )


def refused(database: Path, *options: str) -> tuple[int, str]:
    with start(database, *options) as process:
        out, err = process.communicate(timeout=WAIT_S)
    assert out == ""
    return process.returncode, err


def test_an_occupied_port_is_one_line_and_exit_3(tmp_path: Path) -> None:
    with sockets.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, err = refused(tmp_path / "chat.db", "--realtime-port", str(port))

    assert code == 3
    assert err == (
        f"port {port} of 127.0.0.1 is occupied;"
        " stop what listens there or give another --realtime-port (0 picks a free one)\n"
    )


@pytest.mark.parametrize(
    "options", [("--defect", "none"), ("--knob", "none=1"), ("--api-port", "70000")]
)
def test_bad_usage_is_one_line_and_exit_2(tmp_path: Path, options: Any) -> None:
    code, err = refused(tmp_path / "chat.db", *options)

    assert (code, err.count("\n")) == (2, 1)


def test_a_directory_as_database_is_one_line_and_exit_2(tmp_path: Path) -> None:
    code, err = refused(tmp_path)

    assert (code, err.count("\n")) == (2, 1)
    assert SECRET not in err
