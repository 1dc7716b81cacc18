"""Presence: who is here, between every library and the current one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.clients import PRESENCE, Channel, Client
from tests.conformance.conftest import LIBRARIES, Opened
from tests.conformance.puppet import Library
from tests.harness.server.running import Server

pytestmark = pytest.mark.e2e

KEEPS_WHO_CHANGED = ("rjs-2.109",)
"""By its own fault: it forgets the references by which it would know the old state again."""

Present = dict[str, list[dict[str, Any]]]


def bare(state: Present) -> Present:
    """A state without the references that the server made up."""
    return {
        key: [{k: v for k, v in one.items() if k != "presence_ref"} for one in metas]
        for key, metas in state.items()
    }


def wait_for_state(channel: Channel, wanted: Present) -> None:
    """Wait for the sync after which exactly these are present."""
    while bare(channel.next("sync")["state"]) != wanted:
        pass


def joined(client: Client, room: int, key: str = "") -> Channel:
    presence = {"key": key, "enabled": True}
    return client.join(f"webinar-{room}", PRESENCE, presence=presence).subscribed()


@pytest.fixture
def two(open_client: Opened, library: Library, server: Server, room: int) -> tuple[Channel, ...]:
    """The library under test as ``anna``, and the current JavaScript client as ``ben``."""
    one, other = open_client(library, server), open_client(LIBRARIES[0], server)
    return joined(one, room, "anna"), joined(other, room, "ben")


def test_those_who_come_and_go_are_seen_by_both(two: tuple[Channel, ...]) -> None:
    anna, ben = two
    anna.ask("track", payload={"name": "Anna"})
    arrived = ben.next("arrived")
    assert (arrived["key"], bare({"came": arrived["came"]})) == (
        "anna",
        {"came": [{"name": "Anna"}]},
    )
    for channel in two:
        wait_for_state(channel, {"anna": [{"name": "Anna"}]})

    ben.ask("track", payload={"name": "Ben"})
    both: Present = {"anna": [{"name": "Anna"}], "ben": [{"name": "Ben"}]}
    for channel in two:
        wait_for_state(channel, both)

    ben.ask("untrack")
    for channel in two:
        wait_for_state(channel, {"anna": [{"name": "Anna"}]})
    while (gone := anna.next("gone"))["key"] != "ben":
        pass
    assert bare({"went": gone["went"]}) == {"went": [{"name": "Ben"}]}


def test_one_who_tracks_again_is_present_once_with_the_new_state(
    two: tuple[Channel, ...],
) -> None:
    anna, ben = two
    anna.ask("track", payload={"mood": "calm"})
    anna.ask("track", payload={"mood": "glad"})

    wait_for_state(ben, {"anna": [{"mood": "glad"}]})
    if anna.client.library.name in KEEPS_WHO_CHANGED:
        wait_for_state(anna, {"anna": [{"mood": "calm"}, {"mood": "glad"}]})
    else:
        wait_for_state(anna, {"anna": [{"mood": "glad"}]})


def leave(channel: Channel) -> None:
    channel.leave()


def close(channel: Channel) -> None:
    channel.client.close()


@pytest.mark.parametrize("end", [leave, close])
def test_one_who_ends_is_present_no_more(
    two: tuple[Channel, ...], end: Callable[[Channel], None]
) -> None:
    anna, ben = two
    anna.ask("track", payload={"name": "Anna"})
    wait_for_state(ben, {"anna": [{"name": "Anna"}]})
    end(anna)

    wait_for_state(ben, {})


def test_one_who_comes_later_is_told_who_is_here(
    two: tuple[Channel, ...], open_client: Opened, library: Library, server: Server, room: int
) -> None:
    two[1].ask("track", payload={"name": "Ben"})
    late = joined(open_client(library, server), room)

    wait_for_state(late, {"ben": [{"name": "Ben"}]})


def test_one_without_a_key_gets_one_of_its_own(
    open_client: Opened, library: Library, server: Server, room: int
) -> None:
    channels = [joined(open_client(library, server), room) for _ in range(2)]
    for channel in channels:
        channel.ask("track", payload={"role": "attendee"})

    while len(state := channels[0].next("sync")["state"]) < 2:
        pass
    assert all(len(key) == 36 for key in state)
