"""Who may join, and with which words the others are refused."""

from __future__ import annotations

from typing import Any

import pytest

from harness.server.defects import Defect
from harness.server.realtime.effects import Close, Effect, Peer, Reaction
from harness.server.switches import Turn
from harness.wire.phoenix import Frame, Vsn, payload
from tests.harness.server.builders import (
    TOPIC,
    V2,
    change,
    frames,
    join_frame,
    push,
    room_filter,
    service_token,
    user_token,
)
from tests.harness.server.realtime.speaking import OTHER, Client, Rules, answers, both, events


def reason(reaction: Reaction) -> str:
    ((_, reply),) = frames(reaction.effects)
    assert reply[4]["status"] == "error"
    text: str = reply[4]["response"]["reason"]
    return text


def test_a_private_webinar_topic_is_for_its_members() -> None:
    member, stranger = Client(), Client()

    assert answers(member.joins(private=True))[0][4]["status"] == "ok"
    refused = stranger.sends(
        Frame("7", "7", TOPIC, "phx_join", payload({"config": {"private": "true"}}))
    )
    assert reason(refused) == (
        "Unauthorized: You do not have permissions to read from this Channel topic: webinar-42"
    )
    assert refused.stall_s == 5.0


def test_public_channels_are_refused_where_only_private_ones_are_allowed() -> None:
    client = Client(rules=Rules(private_only=True))

    assert reason(client.joins()) == "PrivateOnly: This project only allows private channels"
    assert answers(client.joins(private=True))[0][4]["status"] == "ok"


def test_the_101st_channel_of_a_socket_is_refused() -> None:
    client = Client()
    for number in range(100):
        assert events(client.joins(f"realtime:{number}")) == [(2, "phx_reply")]

    refused = client.joins("realtime:100")

    assert reason(refused) == "ChannelRateLimitReached: Too many channels"
    assert refused.stall_s == 5.0
    assert answers(client.joins("realtime:0", ref="9"))[0][4]["status"] == "ok"


def test_too_many_joins_close_the_whole_socket_after_the_answer() -> None:
    client = Client(rules=Rules(plan="free"))
    for _ in range(1000):
        client.joins()

    refused = client.joins(now_s=6.0)

    *_, close = refused.effects
    assert close == Close(2, 1001)
    assert answers(refused)[0][4]["response"]["reason"] == (
        "ClientJoinRateLimitReached: Too many joins per second"
    )


def test_a_connection_beyond_the_plan_is_refused_at_its_first_join() -> None:
    rules = Rules(plan="free")
    for number in range(10, 210):
        Client(Peer(number, "2.0.0"), rules).joins()

    assert reason(Client(rules=rules).joins()) == (
        "ConnectionRateLimitReached: Too many connected users"
    )
    assert answers(Client(Peer(10, "2.0.0"), rules).joins("realtime:more"))[0][3] == "phx_reply"


def test_a_refusal_can_be_forced() -> None:
    text = "RealtimeRestarting: Realtime is restarting, please standby"

    assert reason(Client(rules=Rules(join_refusal=text)).joins()) == text


@pytest.mark.parametrize("content", [None, [], "x", 5])
def test_a_join_whose_payload_is_no_object_is_refused(content: Any) -> None:
    refused = Client().sends(Frame("7", "7", TOPIC, "phx_join", payload(content)))

    assert reason(refused).startswith("UnknownErrorOnChannel")


def test_a_topic_of_more_than_1000_characters_is_refused() -> None:
    client = Client()
    longest = "realtime:" + "x" * 991

    assert answers(client.joins(longest))[0][4]["status"] == "ok"
    assert reason(client.joins(longest + "x")) == (
        "TopicNameTooLong: A topic name has at most 1000 characters"
    )
    assert client.rooms.channel(V2, longest + "x") is None


def test_a_presence_key_of_more_than_1000_characters_is_refused() -> None:
    client = Client()

    assert answers(client.joins(presence={"key": "x" * 1000}))[0][4]["status"] == "ok"
    assert reason(client.joins("realtime:b", presence={"key": "x" * 1001})) == (
        "PresenceKeyTooLong: A presence key has at most 1000 characters"
    )
    assert client.rooms.channel(V2, "realtime:b") is None


@pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])
def test_a_ref_of_more_than_255_characters_is_no_frame(vsn: Vsn) -> None:
    client = Client(Peer(1, vsn))

    for ref, join_ref in (("8", "x" * 256), ("x" * 256, "7")):
        reaction = client.sends(Frame(join_ref, ref, TOPIC, "phx_join", payload({})))
        assert reaction.effects == ()
        assert reaction.dropped == "ref or join_ref is longer than 255 characters"
    assert client.sends(Frame("x" * 255, "x" * 255, TOPIC, "phx_join", payload({}))).effects


PATTERNS = ["body=like.a%,body=imatch.a"] * 3


def muted(reaction: Reaction, client: Client) -> str | None:
    """Why the channel of a join's reply hears nothing."""
    channel = client.rooms.channel(client.peer, answers(reaction)[0][2])
    assert channel is not None
    return channel.problem


def bound(*filters: str) -> list[dict[str, Any]]:
    return [{**room_filter(), "filter": one} for one in filters]


def test_all_channels_of_a_connection_share_one_budget_for_patterns() -> None:
    client = Client()
    other = Client(OTHER, client.rules)

    assert muted(client.joins("realtime:a", postgres_changes=bound(*PATTERNS)), client) is None
    assert muted(client.joins("realtime:b", postgres_changes=bound(*PATTERNS)), client) == (
        "Unable to subscribe to changes with given parameters. The connection would have 12 filter"
        " conditions with like/ilike/match/imatch; at most 10 are allowed."
    )
    # The same topic again replaces its patterns, what needs none is no matter, and what has left
    # or is another connection's does not count.
    assert muted(client.joins("realtime:a", postgres_changes=bound(*PATTERNS)), client) is None
    assert muted(client.joins("realtime:c", postgres_changes=bound("id=gt.1")), client) is None
    assert muted(other.joins("realtime:b", postgres_changes=bound(*PATTERNS)), other) is None
    client.sends(Frame("7", "8", "realtime:a", "phx_leave", payload({})))
    assert muted(client.joins("realtime:b", postgres_changes=bound(*PATTERNS)), client) is None


def test_all_channels_of_a_connection_share_one_budget_for_conditions() -> None:
    client = Client()
    many = bound(",".join(["id=gt.1"] * 600))

    assert muted(client.joins("realtime:a", postgres_changes=many), client) is None
    assert "1200 filter conditions; at most 1000" in (
        muted(client.joins("realtime:b", postgres_changes=many), client) or ""
    )
    assert muted(client.joins("realtime:c"), client) is None


def test_a_bad_config_does_not_lose_the_token_beside_it() -> None:
    client = Client()
    content = {"config": {"postgres_changes": 1}, "access_token": user_token()}

    client.sends(Frame("7", "7", TOPIC, "phx_join", payload(content)))

    channel = client.rooms.channel(V2, TOPIC)
    assert channel is not None
    assert channel.claims.access.database_role == "authenticated"


def test_an_empty_token_is_malformed_and_not_absent() -> None:
    assert reason(Client().sends(join_frame(token=""))) == (
        "MalformedJWT: The token provided is not a valid JWT"
    )


def test_a_private_channel_ends_when_its_new_token_does_not_open_it() -> None:
    client = Client()
    client.joins(private=True)
    own = {"access_token": user_token(user_id="2" * 36, lifetime_s=7200)}
    assert client.sends(push("access_token", own), 1.0) == Reaction()
    anonymous = {"access_token": client.own.token}

    system, close = answers(client.sends(push("access_token", anonymous), 2.0))

    assert system[4]["message"] == (
        "You do not have permissions to read from this Channel topic: webinar-42"
    )
    assert close[3] == "phx_close"


def test_a_public_channel_stays_whatever_its_new_token_opens() -> None:
    client = Client()
    client.joins()
    anonymous = {"access_token": client.own.token}

    assert client.sends(push("access_token", anonymous), 2.0) == Reaction()


def test_an_empty_token_push_ends_the_channel() -> None:
    client = Client()
    client.joins()

    assert answers(client.sends(push("access_token", {"access_token": ""})))[1][3] == "phx_close"


def test_a_server_that_accepts_no_token_refuses_joins_and_ends_channels() -> None:
    client = Client()
    client.joins()
    client.rules.switches.defects = frozenset({Defect.TOKEN_NEVER_ACCEPTED})

    fresh = push("access_token", {"access_token": user_token(begins_s=5)})
    assert answers(client.sends(fresh, 10.0))[0][4]["message"].startswith("Token has expired")
    refused = client.joins(now_s=10.0)
    assert reason(refused) == "InvalidJWTToken: Token has expired 0 seconds ago"


def test_a_server_that_accepts_no_users_token_takes_the_projects_keys_as_before() -> None:
    client = Client()
    client.rules.switches.defects = frozenset({Defect.TOKEN_NEVER_ACCEPTED})
    for token in (None, client.own.token, service_token()):
        joined = client.sends(join_frame(token=token))

        assert answers(joined)[0][4]["status"] == "ok"
    assert client.rooms.advance(300.0) == []  # nor does the next check end it
    other = Client(OTHER, client.rules)
    assert reason(other.sends(join_frame(token="nonsense"))).startswith("MalformedJWT")


def test_a_channel_that_lives_through_the_start_of_the_defect_ends_at_its_next_check() -> None:
    client = Client()
    client.joins()
    client.rules.switches.defects = frozenset({Defect.TOKEN_NEVER_ACCEPTED})

    assert client.rooms.advance(299.0) == []
    assert [frame[3] for _, frame in frames(client.rooms.advance(300.0))] == [
        "system",
        "phx_close",
    ]


def test_a_join_that_waits_for_replication_is_told_of_it() -> None:
    reply, system = answers(Client().joins(broadcast={"replication_ready": True}))

    assert reply[3] == "phx_reply"
    assert system[4]["extension"] == "system"
    assert (system[4]["status"], system[4]["message"]) == (
        "ok",
        "Replication connection established",
    )


def test_a_join_that_takes_a_while_is_made_at_its_end() -> None:
    client = Client(rules=Rules(join_delay_s=2.0, system_ok_delay_s=0.5))
    joining = client.joins(postgres_changes=[room_filter()])

    assert (joining.stall_s, finished_frames(joining.effects)) == (2.0, [])
    assert client.rooms.next_due_s is None
    assert client.rooms.publish(change(), "2026-11-23T10:00:00Z") == []

    assert joining.then is not None
    joined = joining.then(2.0)

    assert [frame[3] for frame in finished_frames(joined)] == ["phx_reply"]
    assert client.rooms.next_due_s == 2.5


def test_a_join_that_takes_a_while_ends_the_one_that_it_replaces_at_once() -> None:
    rules = Rules()
    client, other = both(rules, presence={"enabled": True})
    client.sends(Frame("7", "8", TOPIC, "presence", payload({"event": "track", "payload": {}})))
    rules.switches.turn(Turn({"join_delay_s": 2.0}))
    joining = client.joins(ref="9")

    assert [(number, frame[3]) for number, frame in frames(joining.at_once)] == [
        (other.peer.connection, "presence_diff")
    ]
    assert joining.then is not None
    answered = finished_frames(joining.then(2.0))
    assert [(frame[0], frame[3]) for frame in answered][:2] == [
        ("9", "phx_reply"),
        ("7", "phx_close"),
    ]


def finished_frames(effects: tuple[Effect, ...]) -> list[list[Any]]:
    return [frame for _, frame in frames(effects)]
