"""Leaving a channel, and coming back faster than the server answers."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.conformance.clients import Channel, Client, changes
from tests.conformance.conftest import SPEAKING_V2
from tests.conformance.puppet import WAIT_S
from tests.harness.server.running import Server

pytestmark = pytest.mark.e2e

LOSES_ITS_SECOND_CHANNEL = ("rjs-2.95", "realtime-py")
"""By its own fault. realtime-js 2.95 forgets by topic, a moment after it left; the Python client
takes the first channel's ``phx_close`` for one of the second."""

REFUSES_LATE_CALLBACKS = ("rjs-current", "rjs-2.109")


def joining(client: Client, room: int) -> Channel:
    return client.join(f"webinar-{room}", changes("INSERT", f"webinar_id=eq.{room}"))


def wait_for_log(server: Server, room: int, wanted: list[str]) -> None:
    """Wait until the server's own log of a room's subscriptions says this."""
    deadline_s = time.monotonic() + WAIT_S
    log: list[str] = []
    while log != wanted:
        assert time.monotonic() < deadline_s, log
        lines = server.admin("/subscriptions")
        log = [line["what"] for line in lines if line["webinar_id"] == room]


@pytest.fixture
def anchor(client: Client, room: int) -> Channel:
    """A channel that stays: older libraries close the socket after the last one."""
    where = f"webinar_id=eq.{room + 500_000}"
    return client.join(f"anchor-{room}", changes("INSERT", where)).subscribed().live()


def test_a_channel_that_is_left_is_closed_on_both_sides(
    client: Client, anchor: Channel, server: Server, room: int
) -> None:
    channel = joining(client, room).subscribed().live()
    channel.leave()

    wait_for_log(server, room, ["joined", "live", "left"])
    if client.library.language == "js":
        # The Python client looks away before the answer comes, and notices 10 s later.
        assert channel.status() == "CLOSED"
    server.post(room=room)
    server.post(room=room + 500_000)
    anchor.change()
    assert channel.all("change") == []


def test_a_topic_that_was_left_can_be_joined_again(
    client: Client, anchor: Channel, server: Server, room: int
) -> None:
    first = joining(client, room).subscribed().live()
    first.leave()
    wait_for_log(server, room, ["joined", "live", "left"])
    second = joining(client, room).subscribed().live()
    server.post(room=room)

    second.change()
    assert first.all("change") == []


def test_a_fast_remount_ends_in_the_second_channel(
    client: Client, anchor: Channel, server: Server, room: int
) -> None:
    where = f"webinar_id=eq.{room}"
    first, second = client.remount(f"webinar-{room}", changes("INSERT", where))

    wait_for_log(server, room, ["joined", "left", "joined", "live"])
    server.post(room=room)
    if client.library.name in LOSES_ITS_SECOND_CHANNEL:
        server.post(room=room + 500_000)
        anchor.change()
        assert second.all("change") == []
        assert "SUBSCRIBED" not in second.statuses
        if client.library.language == "py":
            assert second.status() == "CLOSED"
    else:
        second.subscribed().live().change()
        assert first.statuses == ["CLOSED"]
        assert second.statuses == ["SUBSCRIBED"]
        assert len(second.all("change")) == 1


@SPEAKING_V2
def test_the_frames_of_a_fast_remount_tell_of_which_join_they_are(
    client: Client, anchor: Channel, room: int
) -> None:
    client.remount(f"webinar-{room}", changes("INSERT", f"webinar_id=eq.{room}"))

    def ours() -> list[Any]:
        frames = [json.loads(one["text"]) for one in client.events("frame")]
        return [frame for frame in frames if frame[2] == f"realtime:webinar-{room}"]

    client.puppet.wait_until(lambda: any(one[3] == "system" for one in ours()), "system ok")
    sent = [(frame[0], frame[3]) for frame in ours() if frame[3] in ("phx_join", "phx_leave")]
    old, new = sent[0][0], sent[2][0]
    assert sent == [(old, "phx_join"), (old, "phx_leave"), (new, "phx_join")]
    assert all(frame[0] in (old, new) for frame in ours())
    assert [frame[:2] for frame in ours() if frame[3] == "phx_close"] == [[old, old]]
    assert [frame[:2] for frame in ours() if frame[3] == "system"] == [[new, None]]


def test_a_callback_added_too_late_is_a_mismatch_and_the_channel_is_left(
    client: Client, anchor: Channel, server: Server, room: int
) -> None:
    channel = joining(client, room)
    late = {"binding": 1, **changes("DELETE", f"webinar_id=eq.{room}")}
    if client.library.name in REFUSES_LATE_CALLBACKS:
        with pytest.raises(AssertionError, match=r"callbacks for .* after `subscribe\(\)`"):
            channel.ask("listen", **late)
        return
    client.puppet.tell("listen", channel=channel.name, **late)

    while (status := channel.next("status"))["status"] == "CLOSED":
        pass
    assert status["status"] == "CHANNEL_ERROR"
    assert "mismatch between server and client bindings" in status["error"]
    wait_for_log(server, room, ["joined", "left"])
