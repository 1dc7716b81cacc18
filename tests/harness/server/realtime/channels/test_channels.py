from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from harness.server.access import Access
from harness.server.defects import Defect, Defects
from harness.server.knobs import Knobs
from harness.server.realtime.changes.asked import parse_join
from harness.server.realtime.changes.bindings import binding_id
from harness.server.realtime.channels.channels import Channels
from harness.server.realtime.effects import Effect, Note, Publish
from harness.server.switches import Switches
from tests.harness.server.builders import (
    TOPIC,
    V1,
    V2,
    asked,
    change,
    claims,
    frames,
    join_frame,
    push,
    room_filter,
)

KNOBS = Knobs(system_ok_delay_s=0.5, resubscribe_min_s=2.0, resubscribe_max_s=2.0)
AT = "2026-11-23T10:00:00.123Z"


def join(
    rooms: Channels,
    *filters: dict[str, Any],
    now_s: float = 0.0,
    ref: str = "7",
    expires_s: float = 3600.0,
    peer: Any = V2,
    topic: str = TOPIC,
) -> list[Effect]:
    frame = join_frame(*(filters or (room_filter(),)), ref=ref, topic=topic)
    return rooms.join(peer, frame, parse_join(asked(frame)), claims(expires_s=expires_s), now_s)


def live_room(
    *filters: dict[str, Any], knobs: Knobs = KNOBS, defects: Defects = frozenset()
) -> Channels:
    rooms = Channels(Switches(knobs, defects))
    join(rooms, *filters)
    rooms.advance(0.5)
    return rooms


def whats(effects: list[Effect]) -> list[str]:
    return [one.subscription.what for one in effects if isinstance(one, Note)]


def test_join_reply_echoes_each_binding_verbatim_with_an_id() -> None:
    filters = [{**room_filter(), "unknown": [1]}, room_filter(event="UPDATE")]

    ((_, answer),) = frames(join(Channels(Switches(KNOBS)), *filters))

    assert answer[:4] == ["7", "7", TOPIC, "phx_reply"]
    assert answer[4]["status"] == "ok"
    echoed = answer[4]["response"]["postgres_changes"]
    assert all(isinstance(one.pop("id"), int) for one in echoed)
    assert echoed == filters


def test_a_mismatched_reply_names_another_filter_and_nothing_else_is_different() -> None:
    everything = {"event": "*", "schema": "public", "table": "messages"}
    bindings = (room_filter(), everything)
    replies = []
    for defects in ((), (Defect.BINDING_MISMATCH,)):
        rooms = Channels(Switches(KNOBS, frozenset(defects)))
        replies.append(frames(join(rooms, *bindings))[0][1][4]["response"]["postgres_changes"])
        rooms.advance(0.5)
        assert len(frames(rooms.publish(change(), AT))) == 1
    right, wrong = replies

    for one, other in zip(right, wrong, strict=True):
        assert other.pop("filter") != one.pop("filter", None)
    assert wrong == right


def test_rows_flow_from_system_ok_and_not_before() -> None:
    rooms = Channels(Switches(KNOBS))
    join(rooms, now_s=10.0)

    assert rooms.advance(10.499) == []
    assert rooms.publish(change(), AT) == []
    ((_, system),) = frames(rooms.advance(10.5))
    assert system == [
        "7",
        None,
        TOPIC,
        "system",
        {
            "extension": "postgres_changes",
            "status": "ok",
            "message": "Subscribed to PostgreSQL",
            "channel": "webinar-42",
        },
    ]
    assert len(frames(rooms.publish(change(), AT))) == 1


def test_a_channel_without_bindings_gets_no_system_message() -> None:
    rooms = Channels(Switches(KNOBS))
    frame = join_frame()
    ((_, answer),) = frames(rooms.join(V2, frame, parse_join(asked(frame)), claims(), 0.0))

    assert answer[4]["response"] == {"postgres_changes": []}
    assert rooms.advance(100.0) == []


def test_bindings_that_cannot_be_served_leave_the_channel_joined_but_mute() -> None:
    rooms = Channels(Switches(KNOBS))
    ((_, answer),) = frames(join(rooms, {**room_filter(), "filter": "undefined"}))
    ((_, system),) = frames(rooms.advance(0.5))

    assert answer[4]["status"] == "ok"
    assert system[4]["status"] == "error"
    assert system[4]["message"] == 'Error parsing `filter` params: ["undefined"]'
    assert rooms.channel(V2, TOPIC) is not None
    assert rooms.publish(change(), AT) == []


def test_a_second_join_is_answered_before_the_first_channel_is_closed() -> None:
    rooms = live_room()

    effects = join(rooms, ref="9", now_s=1.0)

    assert [frame[:4] for _, frame in frames(effects)] == [
        ["9", "9", TOPIC, "phx_reply"],
        ["7", "7", TOPIC, "phx_close"],
    ]
    assert whats(effects) == ["closed", "joined"]


def test_a_second_join_is_mute_until_its_own_system_ok() -> None:
    rooms = Channels(Switches(KNOBS))
    join(rooms, now_s=0.0)
    join(rooms, now_s=0.3, ref="9")

    assert rooms.advance(0.5) == []
    assert rooms.publish(change(), AT) == []
    assert frames(rooms.advance(0.8))[0][1][0] == "9"


def test_a_refused_second_join_ends_the_first_channel() -> None:
    rooms = live_room()

    effects = rooms.refuse(V2, join_frame(room_filter(), ref="9"), "no", 1.0)

    assert [(frame[0], frame[3]) for _, frame in frames(effects)] == [
        ("9", "phx_reply"),
        ("7", "phx_close"),
    ]
    assert rooms.publish(change(), AT) == []


def test_leave_answers_then_closes_and_rows_stop() -> None:
    rooms = live_room()

    effects = rooms.leave(V2, push("phx_leave", {}), 1.0)

    assert [frame for _, frame in frames(effects)] == [
        ["7", "8", TOPIC, "phx_reply", {"status": "ok", "response": {}}],
        ["7", "7", TOPIC, "phx_close", {}],
    ]
    assert whats(effects) == ["left"]
    assert rooms.publish(change(), AT) == []


def test_leaving_an_unknown_topic_succeeds() -> None:
    ((_, answer),) = frames(Channels(Switches(KNOBS)).leave(V2, push("phx_leave", {}), 0.0))

    assert answer[4] == {"status": "ok", "response": {}}


def test_a_leave_of_an_earlier_join_does_not_end_the_present_one() -> None:
    rooms = Channels(Switches(KNOBS))
    join(rooms, ref="9")

    assert rooms.leave(V2, push("phx_leave", {}, join="7"), 0.1) == []
    assert rooms.channel(V2, TOPIC) is not None


def test_an_expired_token_ends_the_channel_with_system_error_and_close() -> None:
    rooms = Channels(Switches(KNOBS))
    join(rooms, expires_s=60.0)
    rooms.advance(1.0)

    effects = rooms.advance(62.5)

    (_, system), (_, close) = frames(effects)
    assert system[:4] == ["7", None, TOPIC, "system"]
    assert system[4] == {
        "extension": "system",
        "status": "error",
        "message": "Token has expired 2 seconds ago",
        "channel": "webinar-42",
    }
    assert close == ["7", "7", TOPIC, "phx_close", {}]
    assert whats(effects) == ["closed"]


def test_a_renewed_token_moves_the_expiry_and_brings_another_system_ok() -> None:
    rooms = Channels(Switches(KNOBS))
    join(rooms, expires_s=60.0)
    rooms.advance(1.0)

    assert rooms.renew(V2, TOPIC, claims(expires_s=120.0, token="u"), 50.0) == []
    assert [frame[3] for _, frame in frames(rooms.advance(52.0))] == ["system"]
    assert rooms.advance(119.0) == []
    assert [frame[3] for _, frame in frames(rooms.advance(120.0))] == ["system", "phx_close"]


def test_a_lost_socket_takes_all_its_channels_along_without_frames() -> None:
    rooms = live_room()
    join(rooms, topic="realtime:other")

    effects = rooms.drop(V2, 3.0)

    assert whats(effects) == ["lost", "lost"]
    assert frames(effects) == []
    assert rooms.publish(change(), AT) == []


def test_one_audience_gets_one_frame_for_all_its_connections() -> None:
    rooms = Channels(Switches(KNOBS))
    peers = [V2._replace(connection=number) for number in range(10, 30)]
    for peer in peers:
        join(rooms, peer=peer)
    join(rooms, peer=V1)
    rooms.advance(0.5)

    published = rooms.publish(change(), AT)

    assert [one.vsn for one in published if isinstance(one, Publish)] == ["2.0.0", "1.0.0"]
    assert [number for number, _ in frames(published)] == [*range(10, 30), V1.connection]


def test_a_row_is_one_frame_with_the_ids_of_all_bindings_that_match() -> None:
    rooms = live_room(room_filter(event="*"), room_filter(), room_filter(event="UPDATE"))

    ((_, frame),) = frames(rooms.publish(change(), AT))

    assert frame[:4] == [None, None, TOPIC, "postgres_changes"]
    assert frame[4]["ids"] == [binding_id(room_filter()), binding_id(room_filter(event="*"))]


def test_rows_of_other_rooms_do_not_arrive() -> None:
    assert live_room(room_filter(7)).publish(change(room=42), AT) == []


def test_a_binding_without_filter_hears_every_room() -> None:
    unfiltered = {"event": "INSERT", "schema": "public", "table": "messages"}
    rooms = live_room(unfiltered, room_filter())

    assert [len(frames(rooms.publish(change(room=room), AT))) for room in (1, 42)] == [1, 1]


def test_a_filtered_binding_gets_no_delete_under_default_replica_identity() -> None:
    delete = change("DELETE")
    full = Knobs(system_ok_delay_s=0.5, replica_identity_full=True)

    assert live_room(room_filter(event="*")).publish(delete, AT) == []
    ((_, frame),) = frames(live_room(room_filter(event="*"), knobs=full).publish(delete, AT))
    assert frame[4]["data"]["old_record"] == {"id": 901}


def test_bindings_that_select_alike_share_a_frame_and_others_do_not() -> None:
    body = {**room_filter(), "select": ["body"]}
    rooms = live_room(room_filter(), body, {**body, "event": "*"})

    (_, whole), (_, part) = frames(rooms.publish(change(), AT))

    assert len(whole[4]["data"]["record"]) == 7
    assert whole[4]["ids"] == [binding_id(room_filter())]
    assert part[4]["data"]["record"] == {"id": 901, "body": "hi"}
    assert part[4]["ids"] == [binding_id({**body, "event": "*"}), binding_id(body)]


def test_further_conditions_of_a_filter_are_asked_within_the_room() -> None:
    shown = {**room_filter(event="*"), "filter": "webinar_id=eq.42,hidden=is.false"}
    rooms = live_room(shown)

    assert [len(frames(rooms.publish(change(op), AT))) for op in ("INSERT", "UPDATE")] == [1, 0]
    assert rooms.publish(change(room=7), AT) == []


def test_a_stale_update_reaches_whom_the_true_row_reaches() -> None:
    stale = frozenset({Defect.STALE_UPDATE})
    heard = []
    for shown in ("is.false", "is.true"):
        filter_ = {**room_filter(event="*"), "filter": f"webinar_id=eq.42,hidden={shown}"}
        # The builder's UPDATE hides the row.
        heard.append(frames(live_room(filter_, defects=stale).publish(change("UPDATE"), AT)))

    assert heard[0] == []
    ((_, frame),) = heard[1]
    assert frame[4]["data"]["record"]["hidden"] is False


@pytest.mark.parametrize("filter_", ["id=eq.901", "body=eq.hi"])
def test_a_delete_is_seen_by_filters_on_its_key_alone_or_on_all_under_full(filter_: str) -> None:
    binding = {**room_filter(event="DELETE"), "filter": filter_}
    full = Knobs(system_ok_delay_s=0.5, replica_identity_full=True)

    by_key = len(frames(live_room(binding).publish(change("DELETE"), AT)))
    whole = len(frames(live_room(binding, knobs=full).publish(change("DELETE"), AT)))

    assert (by_key, whole) == (int(filter_.startswith("id=")), 1)


def test_an_outsider_gets_no_rows_but_hears_of_deletes() -> None:
    rooms = Channels(Switches(KNOBS))
    everything = {"event": "*", "schema": "public", "table": "messages"}
    frame = join_frame(everything)
    outsider = replace(claims(), access=Access("anon"))
    rooms.join(V2, frame, parse_join(asked(frame)), outsider, 0.0)
    rooms.advance(0.5)

    sent = [len(rooms.publish(change(op), AT)) for op in ("INSERT", "UPDATE", "DELETE")]

    assert sent == [0, 0, 1]


def test_a_token_renewed_before_system_ok_judges_no_row_before_its_own() -> None:
    rooms = Channels(Switches(KNOBS))
    everything = {"event": "*", "schema": "public", "table": "messages"}
    frame = join_frame(everything)
    outsider = replace(claims(), access=Access("anon"))
    rooms.join(V2, frame, parse_join(asked(frame)), outsider, 0.0)
    rooms.renew(V2, TOPIC, claims(token="u"), 0.1)

    rooms.advance(0.5)  # "system ok" of the join
    before = len(rooms.publish(change(), AT))
    rooms.advance(4.0)  # and of the renewal, one to three seconds after it

    assert (before, len(rooms.publish(change(), AT))) == (0, 1)


def test_mute_channels_are_told_that_they_are_subscribed_and_get_no_rows() -> None:
    rooms = Channels(Switches(KNOBS, frozenset({Defect.MUTE})))
    join(rooms)

    ((_, system),) = frames(rooms.advance(0.5))
    assert system[4]["status"] == "ok"
    assert rooms.publish(change(), AT) == []


def test_a_late_system_ok_comes_late_and_rows_with_it() -> None:
    knobs = Knobs(system_ok_delay_s=0.5, late_system_ok_s=3.0)
    rooms = Channels(Switches(knobs, frozenset({Defect.LATE_SYSTEM_OK})))
    join(rooms)

    assert rooms.advance(3.4) == []
    assert rooms.publish(change(), AT) == []
    assert len(frames(rooms.advance(3.5))) == 1
    assert len(rooms.publish(change(), AT)) == 1


def test_a_renewed_token_does_not_hasten_a_late_system_ok() -> None:
    knobs = Knobs(late_system_ok_s=10.0, resubscribe_min_s=2.0, resubscribe_max_s=2.0)
    rooms = Channels(Switches(knobs, frozenset({Defect.LATE_SYSTEM_OK})))
    outsider = replace(claims(), access=Access("anon"))
    frame = join_frame(room_filter())
    rooms.join(V2, frame, parse_join(asked(frame)), outsider, 0.0)
    first_s = rooms.next_due_s
    assert first_s is not None
    rooms.renew(V2, TOPIC, claims(token="u"), 0.1)

    assert rooms.advance(first_s - 0.1) == []
    assert rooms.publish(change(), AT) == []
    both = rooms.advance(first_s)
    assert ([frame[3] for _, frame in frames(both)], whats(both)) == (["system"] * 2, ["live"])
    assert len(rooms.publish(change(), AT)) == 1


def test_a_cold_change_stream_delays_system_ok_and_a_warm_one_does_not() -> None:
    rooms = Channels(Switches(Knobs(system_ok_delay_s=0.5, cold_start_s=2.0)))
    join(rooms)
    assert rooms.advance(2.4) == []
    rooms.advance(2.5)
    rooms.drop(V2, 3.0)

    join(rooms, now_s=602.0)
    assert len(frames(rooms.advance(602.5))) == 1
    rooms.drop(V2, 603.0)
    join(rooms, now_s=1203.0)
    assert rooms.advance(1205.4) == []
    assert len(frames(rooms.advance(1205.5))) == 1


def test_who_joins_again_under_event_lost_on_reconnect_is_live_but_misses_rows() -> None:
    knobs = Knobs(system_ok_delay_s=0.5, lost_on_reconnect_s=5.0)
    rooms = live_room(knobs=knobs, defects=frozenset({Defect.EVENT_LOST_ON_RECONNECT}))
    assert len(rooms.publish(change(), AT)) == 1
    rooms.drop(V2, 0.6)
    join(rooms, now_s=1.0)

    assert whats(rooms.advance(1.5)) == ["live"]
    assert rooms.publish(change(committed_s=6.4), AT) == []
    assert len(rooms.publish(change(committed_s=6.5), AT)) == 1


def test_a_second_tab_under_event_lost_on_reconnect_loses_nothing() -> None:
    rooms = live_room(knobs=KNOBS, defects=frozenset({Defect.EVENT_LOST_ON_RECONNECT}))
    join(rooms, now_s=1.0, peer=V1)
    rooms.advance(1.5)

    assert len(frames(rooms.publish(change(committed_s=2.0), AT))) == 2


def test_a_renewed_token_of_mute_bindings_brings_their_error_again() -> None:
    rooms = live_room({**room_filter(), "filter": "undefined"})

    rooms.renew(V2, TOPIC, claims(token="u"), 1.0)

    ((_, system),) = frames(rooms.advance(3.0))
    assert system[4]["status"] == "error"


def test_every_channel_hears_of_the_end_before_the_server_stops() -> None:
    ((_, frame),) = frames(live_room().farewell())

    assert frame[:2] == [None, None]
    assert frame[3:] == [
        "system",
        {"extension": "system", "status": "ok", "message": "Server requested disconnect"},
    ]
