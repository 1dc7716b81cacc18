"""Every role against every kind of channel, with every kind of token.

Expected is whether the channel is joined, and whether it hears what is said or committed there.
A role that is not named hears nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import pytest

from harness.server.auth.tokens import Claims, Tokens
from harness.server.knobs import Knobs
from harness.server.realtime.core import Core, make_core
from harness.server.realtime.effects import Peer
from harness.server.switches import Switches
from harness.wire.phoenix import Frame, encode, payload
from tests.harness.server.askers import (
    ASKERS,
    BAD_TOKENS,
    MEMBERS,
    NOW_S,
    Forge,
    claims_of,
    valid,
)
from tests.harness.server.builders import SECRET, TOKENS, anon_token, change, frames

LATER_S = 160.0
LISTENER, SPEAKER = Peer(1, "2.0.0"), Peer(2, "2.0.0")
OF_42 = {"event": "*", "schema": "public", "table": "messages", "filter": "webinar_id=eq.42"}
OF_ALL = {"event": "*", "schema": "public", "table": "messages"}


class Room:
    """A server, one listener that tries to join, and the presenter of 42 who speaks."""

    def __init__(self, **knobs: Any) -> None:
        switches = Switches(Knobs(**knobs))
        self.tokens = Tokens(SECRET, TOKENS.wall_time, switches=switches)
        self.core: Core = make_core(self.tokens, switches)

    def joins(self, peer: Peer, topic: str, token: str, config: dict[str, Any]) -> bool:
        """Whether the join is answered with success; by its reply, which has the ref ``1``."""
        content = {"config": config, "access_token": token}
        answers = self.says(peer, Frame("1", "1", topic, "phx_join", payload(content)))
        replies = [frame[4]["status"] for to, frame in answers if frame[3] == "phx_reply"]
        return replies == ["ok"]

    def says(self, peer: Peer, frame: Frame) -> list[tuple[int, list[Any]]]:
        own = self.tokens.verify(anon_token(), NOW_S)
        assert isinstance(own, Claims)
        text = encode(frame, "2.0.0").decode()
        reaction = self.core.protocol.receive(peer, own, text, NOW_S)
        return frames([*reaction.at_once, *reaction.effects])

    def goes_live(self) -> None:
        self.core.channels.advance(LATER_S)


def committed(op: Any) -> Callable[[Room, str], list[tuple[int, list[Any]]]]:
    """A message of 42 is written, changed or deleted."""

    def happen(room: Room, _: str) -> list[tuple[int, list[Any]]]:
        return frames(room.core.channels.publish(change(op, room=42), "2026-11-23T10:00:00.000Z"))

    return happen


def spoken(room: Room, topic: str) -> list[tuple[int, list[Any]]]:
    """The presenter says something on the topic."""
    said = payload({"type": "broadcast", "event": "typing", "payload": {}})
    return room.says(SPEAKER, Frame("1", "2", topic, "broadcast", said))


def arrived(room: Room, topic: str) -> list[tuple[int, list[Any]]]:
    """The presenter is there."""
    here = payload({"type": "presence", "event": "track", "payload": {"name": "Kim"}})
    return room.says(SPEAKER, Frame("1", "2", topic, "presence", here))


class Case(NamedTuple):
    topic: str
    config: dict[str, Any]
    """The listener's."""
    happen: Callable[[Room, str], list[tuple[int, list[Any]]]]
    joined: tuple[str, ...]
    hears: tuple[str, ...]
    private: bool = False
    """Where the presenter is."""


EVERYBODY = tuple(ASKERS)
READERS = ("service", *MEMBERS)
SIGNED_IN = tuple(one for one in ASKERS if one != "anon")
CHANGES_42 = {"postgres_changes": [OF_42]}
CHANGES_ALL = {"postgres_changes": [OF_ALL]}
PRIVATE = {"private": True}
PRIVATE_PRESENCE = {"private": True, "presence": {"enabled": True}}

CASES: Mapping[str, Case] = {
    "an insert, by room": Case("realtime:a", CHANGES_42, committed("INSERT"), EVERYBODY, READERS),
    "an insert, unfiltered": Case(
        "realtime:a", CHANGES_ALL, committed("INSERT"), EVERYBODY, READERS
    ),
    "an update, by room": Case("realtime:a", CHANGES_42, committed("UPDATE"), EVERYBODY, READERS),
    "an update, unfiltered": Case(
        "realtime:a", CHANGES_ALL, committed("UPDATE"), EVERYBODY, READERS
    ),
    # Genuinely: a DELETE tells everybody the key of the row, whoever may read it. Its filter on
    # a column that is no key matches nothing.
    "a delete, by room": Case("realtime:a", CHANGES_42, committed("DELETE"), EVERYBODY, ()),
    "a delete, unfiltered": Case(
        "realtime:a", CHANGES_ALL, committed("DELETE"), EVERYBODY, EVERYBODY
    ),
    "a broadcast, public": Case("realtime:webinar-42", {}, spoken, EVERYBODY, EVERYBODY),
    "presence, public": Case("realtime:webinar-42", {}, arrived, EVERYBODY, EVERYBODY),
    "a broadcast, private": Case("realtime:webinar-42", PRIVATE, spoken, READERS, READERS, True),
    "presence, private": Case(
        "realtime:webinar-42", PRIVATE_PRESENCE, arrived, READERS, READERS, True
    ),
    "a broadcast, private lobby": Case(
        "realtime:lobby", PRIVATE, spoken, SIGNED_IN, SIGNED_IN, True
    ),
    # The same name is another topic when it is not private.
    "a private broadcast, heard in public": Case(
        "realtime:webinar-42", {}, spoken, EVERYBODY, (), True
    ),
    "private presence, heard in public": Case(
        "realtime:webinar-42", {}, arrived, EVERYBODY, (), True
    ),
}


def test_the_table_names_only_roles_that_there_are() -> None:
    named = {one for case in CASES.values() for one in (*case.joined, *case.hears)}

    assert named <= set(ASKERS)


def heard(case: Case, token: str, **knobs: Any) -> tuple[bool, bool]:
    """Whether a listener with ``token`` joined, and heard what happened."""
    room = Room(**knobs)
    joined = room.joins(LISTENER, case.topic, token, case.config)
    room.goes_live()
    presenter = valid(claims_of("presenter"))
    assert room.joins(SPEAKER, case.topic, presenter, {"private": case.private})
    frames_sent = case.happen(room, case.topic)
    said = {"postgres_changes", "broadcast", "presence_diff"}
    return joined, any(to == LISTENER.connection and one[3] in said for to, one in frames_sent)


@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize("name", CASES)
def test_a_role_hears_what_the_table_says_and_no_more(name: str, asker: str) -> None:
    case = CASES[name]

    assert heard(case, valid(claims_of(asker))) == (asker in case.joined, asker in case.hears)


@pytest.mark.parametrize("forge", BAD_TOKENS)
@pytest.mark.parametrize("name", CASES)
def test_a_bad_token_joins_nothing_whoever_it_claims_to_be(name: str, forge: Forge) -> None:
    for asker in ASKERS:
        assert heard(CASES[name], forge(claims_of(asker))) == (False, False), asker


@pytest.mark.parametrize("name", CASES)
def test_the_issuer_of_a_token_counts_where_a_knob_says_which(name: str) -> None:
    here = "https://here.example/auth/v1"
    elsewhere = valid({**claims_of("presenter"), "iss": "https://elsewhere.example/auth/v1"})

    assert heard(CASES[name], elsewhere, required_issuer=here) == (False, False)


def test_a_delete_tells_the_key_and_nothing_of_the_row() -> None:
    case = CASES["a delete, unfiltered"]
    room = Room(replica_identity_full=True)
    room.joins(LISTENER, case.topic, valid(claims_of("outsider")), case.config)
    room.goes_live()
    ((_, frame),) = case.happen(room, case.topic)

    assert frame[4]["data"]["old_record"] == {"id": 901}
    assert b'"hi"' not in msgspec.json.encode(frame)
