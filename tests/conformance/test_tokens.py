"""Tokens: renewed, expired, refused, and the anonymous window before there is one."""

from __future__ import annotations

import pytest

from tests.conformance.clients import Channel, Client, changes
from tests.conformance.conftest import LIBRARIES, Opened
from tests.conformance.puppet import Library
from tests.conformance.rows import new_row
from tests.harness.server.running import Server, token

pytestmark = pytest.mark.e2e

SHORT_S = 3
"""A life that outlasts a join by far; a token's end is in whole seconds."""


def joined(client: Client, room: int) -> Channel:
    return client.join(f"webinar-{room}", changes("*", f"webinar_id=eq.{room}")).subscribed()


def assert_rows_flow(channel: Channel, server: Server, room: int, number: int = 0) -> None:
    server.post(f"number {number}", number=number, room=room)

    assert new_row(channel.client, channel.change())["body"] == f"number {number}"


def test_a_renewed_token_brings_a_second_system_ok(
    client: Client, server: Server, room: int
) -> None:
    channel = joined(client, room).live()
    client.set_auth(token(lifetime_s=7200))

    channel.live()
    assert_rows_flow(channel, server, room)
    assert channel.statuses == ["SUBSCRIBED"]


def test_a_token_that_comes_after_the_join_lets_rows_flow(
    open_client: Opened, library: Library, server: Server, room: int
) -> None:
    client = open_client(library, server, token=None)
    channel = joined(client, room).live()
    witness = joined(open_client(library, server), room).live()
    server.post("nobody's", number=0, room=room)
    witness.change()
    client.set_auth(token())

    channel.live()
    assert_rows_flow(channel, server, room, number=1)


def test_a_bad_token_pushed_later_ends_the_channel(
    client: Client, server: Server, room: int
) -> None:
    channel = joined(client, room).live()
    client.set_auth("header.payload.signature")

    assert statuses_at_the_end(channel) == at_the_end(client)


def test_expiry_ends_the_channel_and_not_the_socket(
    everyone: list[Client], server: Server, room: int
) -> None:
    channels = joined_for_a_while(everyone, room)

    for client, channel in zip(everyone, channels, strict=True):
        assert statuses_at_the_end(channel) == at_the_end(client)
        client.set_auth(token())
    again = [joined(client, room + 500_000).live() for client in everyone]
    server.post(room=room + 500_000)
    for client, channel in zip(everyone, again, strict=True):
        channel.change()
        assert client.events("closed") == []


def test_a_token_renewed_in_time_outlives_the_old_one(
    everyone: list[Client], open_client: Opened, server: Server, room: int
) -> None:
    other = open_client(LIBRARIES[0], server)
    *channels, doomed = joined_for_a_while([*everyone, other], room)
    for client, channel in zip(everyone, channels, strict=True):
        client.set_auth(token())
        channel.live()

    assert doomed.status() == "CLOSED"
    server.post(room=room)
    for channel in channels:
        channel.change()
        assert channel.statuses == ["SUBSCRIBED"]


def joined_for_a_while(clients: list[Client], room: int) -> list[Channel]:
    short = token(SHORT_S)
    for client in clients:
        client.set_auth(short)
    return [joined(client, room).live() for client in clients]


def at_the_end(client: Client) -> list[str]:
    """The statuses of a channel that the server ends: a system error, then ``phx_close``."""
    # The Python client takes a system error for the channel's own and means to join again; the
    # close that follows keeps it from that.
    noticed = ["CHANNEL_ERROR"] if client.library.language == "py" else []
    return ["SUBSCRIBED", *noticed, "CLOSED"]


def statuses_at_the_end(channel: Channel) -> list[str]:
    while channel.status() != "CLOSED":
        pass
    return channel.statuses
