"""Rows of a table, as the genuine clients hand them to a callback."""

from __future__ import annotations

import pytest

from tests.conformance import chat
from tests.conformance.clients import Client, changes
from tests.conformance.conftest import turned
from tests.conformance.rows import assert_change, new_row
from tests.harness.server.running import Server

pytestmark = pytest.mark.e2e


def test_an_insert_comes_whole(client: Client, server: Server, room: int) -> None:
    channel = client.join(f"webinar-{room}", changes("INSERT", f"webinar_id=eq.{room}"))
    channel.subscribed().live()
    row = server.post("안녕, 'all' of <you> 🎉", room=room).json()["message"]

    assert_change(client, channel.change(), "INSERT", new=row)


def test_an_update_comes_with_the_new_row_and_the_old_key(
    client: Client, server: Server, room: int
) -> None:
    row = server.post("before", room=room).json()["message"]
    channel = client.join(f"webinar-{room}", changes("UPDATE", f"webinar_id=eq.{room}"))
    channel.subscribed().live()
    edited = chat.edit(server, row, "after")
    hidden = chat.hide(server, row)

    assert (edited["body"], hidden["hidden"]) == ("after", True)
    for new in (edited, hidden):
        assert_change(client, channel.change(), "UPDATE", new=new, old={"id": row["id"]})


def test_a_delete_comes_with_the_old_key_to_those_who_filter_by_it(
    client: Client, server: Server, room: int
) -> None:
    row = server.post(room=room).json()["message"]
    other = server.post(number=1, room=room).json()["message"]
    by_room = client.join(f"room-{room}", changes("DELETE", f"webinar_id=eq.{room}"))
    by_key = client.join(f"row-{room}", changes("DELETE", f"id=eq.{row['id']}"))
    by_nothing = client.join(f"all-{room}", changes("DELETE"))
    for channel in (by_room, by_key, by_nothing):
        channel.subscribed().live()
    chat.delete(server, row)
    chat.delete(server, other)

    assert_change(client, by_key.change(), "DELETE", old={"id": row["id"]})
    for one in (row, other):
        assert_change(client, by_nothing.change(), "DELETE", old={"id": one["id"]})
    # The old row is its key alone, so that a filter on anything else never lets it pass.
    assert by_room.all("change") == []
    assert len(by_key.all("change")) == 1


def test_with_a_full_replica_identity_old_rows_are_whole_but_for_deletes(
    everyone: list[Client], server: Server, room: int
) -> None:
    row = server.post("before", room=room).json()["message"]
    listen = [changes(event, f"webinar_id=eq.{room}") for event in ("UPDATE", "DELETE")]
    channels = [client.join(f"webinar-{room}", *listen) for client in everyone]
    for channel in channels:
        channel.subscribed().live()
    with turned(server, replica_identity_full=True):
        edited = chat.edit(server, row, "after")
        for client, channel in zip(everyone, channels, strict=True):
            assert_change(client, channel.change(), "UPDATE", new=edited, old=row)
        chat.delete(server, row)
        for client, channel in zip(everyone, channels, strict=True):
            assert_change(client, channel.change(), "DELETE", old={"id": row["id"]})


def test_rows_that_a_filter_leaves_out_do_not_come(
    client: Client, server: Server, room: int
) -> None:
    channel = client.join(f"webinar-{room}", changes("*", f"webinar_id=eq.{room}"))
    channel.subscribed().live()
    server.post("elsewhere", room=room + 500_000)
    server.post("here", number=1, room=room)

    assert new_row(client, channel.change())["body"] == "here"


def test_a_filter_of_several_values_lets_each_pass(
    client: Client, server: Server, room: int
) -> None:
    rooms = (room, room + 500_000)
    where = f"webinar_id=in.({rooms[0]},{rooms[1]})"
    channel = client.join(f"webinar-{room}", changes("INSERT", where))
    channel.subscribed().live()
    server.post("elsewhere", room=room + 600_000)
    for one in rooms:
        server.post("here", room=one)

    assert [new_row(client, channel.change())["webinar_id"] for _ in rooms] == list(rooms)


def test_every_kind_of_condition_lets_its_rows_pass(
    client: Client, server: Server, room: int
) -> None:
    passing = {
        "body=eq.yes": "yes",
        "body=neq.yes": "no",
        "body=like.y%": "yes",
        "body=not.ilike.Y%": "no",
        "body=in.(yes,maybe)": "yes",
        "body=match.^n": "no",
        "body=gte.o": "yes",
        "hidden=is.false,body=lt.o": "no",
    }
    listen = [changes("INSERT", f"webinar_id=eq.{room},{where}") for where in passing]
    channel = client.join(f"webinar-{room}", *listen).subscribed().live()
    for number, body in enumerate(("yes", "no")):
        server.post(body, number=number, room=room)

    got = [channel.next("change") for _ in passing]
    called = {one["binding"]: new_row(client, one["payload"])["body"] for one in got}
    assert called == dict(enumerate(passing.values()))


def test_each_matching_binding_of_a_channel_is_called(
    client: Client, server: Server, room: int
) -> None:
    here = f"webinar_id=eq.{room}"
    listen = (changes("INSERT", here), changes("*", here), changes("DELETE", here))
    channel = client.join(f"webinar-{room}", *listen)
    channel.subscribed().live()
    server.post(room=room)

    assert [channel.next("change")["binding"] for _ in range(2)] == [0, 1]
    server.post(number=1, room=room)
    assert channel.next("change")["binding"] == 0


def test_a_table_that_is_not_published_is_joined_and_never_ready(client: Client, room: int) -> None:
    channel = client.join(f"webinar-{room}", changes("INSERT", table="secrets"))
    channel.subscribed()

    if client.library.language == "py":
        # The Python client takes the failure for the channel's own and joins again, a second
        # later; the server ends the first join, and that close ends the second one too.
        assert [channel.status() for _ in range(3)] == ["CHANNEL_ERROR", "SUBSCRIBED", "CLOSED"]
    else:
        payload = channel.next("system")["payload"]
        assert payload["status"] == "error"
        assert payload["message"].startswith("Unable to subscribe to changes with given parameters")
        assert channel.statuses == ["SUBSCRIBED"]
