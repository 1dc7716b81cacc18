"""Sockets that end: heartbeats, a server that stops or is killed, and what follows."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conformance.clients import Channel, Client, changes
from tests.conformance.conftest import JAVASCRIPT, LIBRARIES, UNREADABLE, Opened, options
from tests.conformance.puppet import Library
from tests.harness.server.running import Server, running

pytestmark = pytest.mark.e2e

RECONNECT_MS = 250
"""Where a library lets its user choose; 1 s, the first of its own delays, where it does not."""

TELLS_EVERY_ATTEMPT = ("rjs-2.95", "rjs-2.86")
"""Before 2.100 a subscribe callback got CHANNEL_ERROR at each failed attempt to connect, since
then once an outage."""


@contextmanager
def serving(database: Path, port: int = 0) -> Iterator[Server]:
    """A server on a database, and on a port where it must be the one that clients know."""
    with running(database, *options(), "--realtime-port", str(port)) as one:
        yield one


def joined(client: Client, room: int) -> Channel:
    channel = client.join(f"webinar-{room}", changes("INSERT", f"webinar_id=eq.{room}"))
    return channel.subscribed().live()


def assert_unreadable(client: Client) -> None:
    """The Python client could not read the farewell."""
    client.puppet.wait_until(
        lambda: any(UNREADABLE in one["text"] for one in client.puppet.events(what="complaint")),
        "complaint about the farewell",
    )


def test_heartbeats_are_answered(open_client: Opened, library: Library, server: Server) -> None:
    client = open_client(library, server, heartbeat_ms=100)
    client.join("quiet").subscribed()

    if library.language == "js":
        statuses = [one["status"] for one in client.wait_for("heartbeat", 6)]
        assert statuses[:6] == ["sent", "ok"] * 3
    else:
        # It sends one as soon as it is connected, and never looks whether an answer comes.
        client.puppet.wait_until(lambda: bool(_answers(client)), "answer to the heartbeat")
        assert _answers(client) == [
            {
                "topic": "phoenix",
                "event": "phx_reply",
                "payload": {"status": "ok", "response": {}},
                "ref": None,
            }
        ]


def _answers(client: Client) -> list[dict[str, object]]:
    texts = client.puppet.events(what="frame", way="in")
    frames = [json.loads(one["text"]) for one in texts]
    return [frame for frame in frames if frame["topic"] == "phoenix"]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_after_a_restart_everyone_is_back_and_rows_flow(
    open_client: Opened, tmp_path: Path, room: int, end: signal.Signals
) -> None:
    database = tmp_path / "chat.db"
    with serving(database) as one:
        port = one.realtime_port
        clients = [open_client(library, one, reconnect_ms=RECONNECT_MS) for library in LIBRARIES]
        channels = [joined(client, room) for client in clients]
        one.post("before", number=0, room=room)
        for channel in channels:
            channel.change()
        one.process.send_signal(end)
        if end == signal.SIGTERM:
            for channel in channels:
                if channel.client.library.language == "js":
                    assert channel.next("system")["payload"] == {
                        "extension": "system",
                        "status": "ok",
                        "message": "Server requested disconnect",
                    }
                else:
                    assert_unreadable(channel.client)
        for channel in channels:
            assert channel.status() == "CHANNEL_ERROR"
            if channel.client.library.name in TELLS_EVERY_ATTEMPT:
                assert [channel.status() for _ in range(2)] == ["CHANNEL_ERROR"] * 2
        one.wait()
    with serving(database, port) as again:
        for channel in channels:
            while (status := channel.status()) == "CHANNEL_ERROR":
                pass
            assert status == "SUBSCRIBED"
            channel.live()
        again.post("after", number=1, room=room)
        for channel in channels:
            channel.change()
            assert len(channel.all("change")) == 2
            if channel.client.library.name not in TELLS_EVERY_ATTEMPT:
                assert channel.statuses == ["SUBSCRIBED", "CHANNEL_ERROR", "SUBSCRIBED"]
        codes = {one["code"] for client in clients for one in client.events("closed")[:1]}
        assert codes == {1012 if end == signal.SIGTERM else 1006}


@JAVASCRIPT  # the Python client raises it from subscribe(), after all its attempts
def test_a_refused_handshake_is_a_channel_error_and_nothing_more(
    open_client: Opened, library: Library, server: Server, room: int
) -> None:
    client = open_client(library, server, key="header.payload.signature", reconnect_ms=50)
    channel = client.join(f"webinar-{room}")

    closed = client.wait_for("closed", 3)
    assert [one["code"] for one in closed[:3]] == [1006] * 3
    assert channel.status() == "CHANNEL_ERROR"
    assert client.events("open") == []
    assert "SUBSCRIBED" not in channel.statuses
