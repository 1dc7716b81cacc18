"""Joining, as the genuine clients tell it."""

from __future__ import annotations

import pytest

from tests.conformance.clients import Client, changes
from tests.conformance.conftest import Opened, planted, turned
from tests.conformance.puppet import Library
from tests.conformance.rows import new_row
from tests.harness.server.running import Server, token

pytestmark = pytest.mark.e2e

LONG_S = 1.0
"""A wait for ``system ok`` in which all five surely join and a message is sent."""


def test_a_join_is_subscribed_and_then_ready(client: Client, room: int) -> None:
    channel = client.join(f"webinar-{room}", changes("INSERT", f"webinar_id=eq.{room}"))

    channel.subscribed()
    assert channel.next("system")["payload"] == {
        "extension": "postgres_changes",
        "status": "ok",
        "message": "Subscribed to PostgreSQL",
        "channel": f"webinar-{room}",
    }


def test_rows_flow_from_system_ok_on_and_not_from_subscribed_on(
    everyone: list[Client], server: Server, room: int
) -> None:
    here = changes("INSERT", f"webinar_id=eq.{room}")
    with turned(server, system_ok_delay_s=LONG_S):
        channels = [client.join(f"webinar-{room}", here) for client in everyone]
        for channel in channels:
            channel.subscribed()
        server.post("too early", number=0, room=room)
        for channel in channels:
            channel.live()
    server.post("in time", number=1, room=room)

    for client, channel in zip(everyone, channels, strict=True):
        assert new_row(client, channel.change())["body"] == "in time"


def test_a_channel_that_listens_to_no_rows_is_subscribed_too(client: Client, room: int) -> None:
    assert client.join(f"webinar-{room}").status() == "SUBSCRIBED"


def test_two_channels_of_one_socket_are_both_served(
    client: Client, server: Server, room: int
) -> None:
    rooms = (room, room + 500_000)
    channels = [
        client.join(f"webinar-{one}", changes("*", f"webinar_id=eq.{one}")) for one in rooms
    ]
    for channel in channels:
        channel.subscribed().live()
    for one in rooms:
        server.post(f"to {one}", room=one)

    bodies = [new_row(client, channel.change())["body"] for channel in channels]
    assert bodies == [f"to {one}" for one in rooms]


def test_a_bad_token_is_refused_and_a_later_good_one_lets_in(
    open_client: Opened, library: Library, server: Server, room: int
) -> None:
    client = open_client(library, server, token="header.payload.signature", reconnect_ms=300)
    channel = client.join(f"webinar-{room}", changes())

    refused = channel.next("status")
    assert refused["status"] == "CHANNEL_ERROR"
    assert "MalformedJWT: The token provided is not a valid JWT" in refused["error"]
    client.set_auth(token())
    while (status := channel.status()) == "CHANNEL_ERROR":
        pass
    assert status == "SUBSCRIBED"


def test_a_reply_that_names_another_filter_makes_clients_give_the_channel_up(
    client: Client, server: Server, room: int
) -> None:
    with planted(server, "binding-mismatch"):
        channel = client.join(f"webinar-{room}", changes("INSERT", f"webinar_id=eq.{room}"))
        statuses = [channel.status()]
        while statuses[-1] == "CLOSED":
            statuses.append(channel.status())

    assert statuses[-1] == "CHANNEL_ERROR"
    assert "SUBSCRIBED" not in channel.statuses
