"""Broadcasts: between all libraries and both serializers, acknowledged or not, over HTTP too."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.clients import Channel, Client, broadcasts
from tests.conformance.conftest import LIBRARIES, Opened
from tests.conformance.puppet import Library
from tests.harness.server.running import Server

pytestmark = pytest.mark.e2e

TYPING = {"user": "안나", "at": [1, 2.5, None, True], "nested": {"deep": "value"}}
BINARY = [0, 1, 127, 128, 255]


def assert_broadcast(channel: Channel, event: str, payload: Any) -> None:
    got = channel.broadcast()
    if channel.client.library.language == "js":
        assert got == {"type": "broadcast", "event": event, "payload": payload}
    else:
        assert (got["event"], got["payload"]) == (event, payload)


def joined(clients: list[Client], room: int, **config: Any) -> list[Channel]:
    topic = f"webinar-{room}"
    channels = [client.join(topic, broadcasts("*"), **config) for client in clients]
    return [channel.subscribed() for channel in channels]


def fence(channel: Channel, topic: str) -> None:
    """Wait until everything that was sent to a channel's socket before has surely come."""
    channel.client.join(topic).subscribed()


def test_every_library_hears_every_other_one_once_and_not_itself(
    everyone: list[Client], room: int
) -> None:
    channels = joined(everyone, room)
    for number, channel in enumerate(channels):
        assert channel.send("typing", {**TYPING, "number": number}) == "ok"
        for other in channels:
            if other is not channel:
                assert_broadcast(other, "typing", {**TYPING, "number": number})

    for channel in channels:
        fence(channel, f"fence-{room}")
        assert len(channel.all("broadcast")) == len(channels) - 1


def test_one_that_asked_to_hear_itself_does(client: Client, room: int) -> None:
    (channel,) = joined([client], room, broadcast={"self": True, "ack": False})
    channel.send("typing", TYPING)

    assert_broadcast(channel, "typing", TYPING)


def test_one_that_asked_for_an_answer_gets_it(client: Client, room: int) -> None:
    (channel,) = joined([client], room, broadcast={"self": False, "ack": True})

    assert channel.send("typing", TYPING) == "ok"
    fence(channel, f"fence-{room}")
    assert channel.all("broadcast") == []


def test_listening_to_one_event_leaves_out_others(client: Client, room: int) -> None:
    config = {"broadcast": {"self": True, "ack": False}}
    channel = client.join(f"webinar-{room}", broadcasts("typing"), **config).subscribed()
    channel.send("waving", TYPING)
    channel.send("typing", TYPING)

    assert_broadcast(channel, "typing", TYPING)


def test_bytes_reach_those_who_speak_binary_and_nobody_else(
    everyone: list[Client], room: int
) -> None:
    channels = joined(everyone, room)
    senders = [one for one in channels if one.client.library.vsn == "2.0.0"]
    for sender in senders:
        assert sender.ask("send_bytes", event="drawing", bytes=BINARY) == "ok"
        for other in senders:
            if other is not sender:
                assert_broadcast(other, "drawing", {"bytes": BINARY})

    for channel in channels:
        if channel not in senders:
            fence(channel, f"fence-{room}")
            assert channel.all("broadcast") == []


def test_names_beyond_ascii_pass(open_client: Opened, server: Server, room: int) -> None:
    # Before 2.110.4 realtime-js garbled them in its binary frames.
    current, python = LIBRARIES[0], LIBRARIES[-1]
    one, other = (open_client(library, server) for library in (current, python))
    topic = f"방-{room}"
    channels = [client.join(topic, broadcasts("*")).subscribed() for client in (one, other)]
    channels[0].send("입력 중", TYPING)
    assert_broadcast(channels[1], "입력 중", TYPING)
    channels[1].send("입력 중", TYPING)

    assert_broadcast(channels[0], "입력 중", TYPING)


def test_a_broadcast_over_http_reaches_every_library(
    everyone: list[Client], client: Client, room: int
) -> None:
    channels = joined(everyone, room)
    sender = client.join(f"webinar-{room}").subscribed()
    assert sender.ask("http_send", event="typing", payload=TYPING) == {"success": True}

    for channel in channels:
        assert_broadcast(channel, "typing", TYPING)


def test_a_send_before_the_join_goes_over_http(
    everyone: list[Client], open_client: Opened, server: Server, room: int
) -> None:
    channels = joined(everyone, room)
    for library in LIBRARIES:
        if library.language == "js":
            apart = open_client(library, server)
            assert apart.make(f"webinar-{room}").send("typing", TYPING) == "ok"
            for channel in channels:
                assert_broadcast(channel, "typing", TYPING)


def test_a_private_channel_lets_in_whom_it_knows(
    open_client: Opened, library: Library, server: Server, room: int
) -> None:
    member = open_client(library, server)
    stranger = open_client(library, server, token=None)
    topic = f"webinar-{room}"
    config = {"private": True, "broadcast": {"self": True, "ack": True}}
    channel = member.join(topic, broadcasts("*"), **config).subscribed()
    assert channel.send("typing", TYPING) == "ok"
    assert_broadcast(channel, "typing", TYPING)

    refused = stranger.join(topic, broadcasts("*"), **config).next("status")
    assert refused["status"] == "CHANNEL_ERROR"
    assert (
        "Unauthorized: You do not have permissions to read from this Channel topic:"
        f" webinar-{room}" in refused["error"]
    )
