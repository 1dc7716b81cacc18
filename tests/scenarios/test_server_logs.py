from __future__ import annotations

import msgspec

from harness.commitlog import Commit, Subscription
from scenarios.server_logs import ended_at, without_room

_encode = msgspec.json.Encoder().encode_lines


def subscription(t_s: float, user: str, what: str, join_ref: str = "1") -> Subscription:
    return msgspec.convert(
        {
            "t_s": t_s,
            "user_id": user,
            "webinar_id": 1,
            "topic": "realtime:webinar-1",
            "join_ref": join_ref,
            "what": what,
        },
        Subscription,
    )


def told(lines: bytes) -> list[tuple[float, str, str]]:
    found = msgspec.json.Decoder(Subscription).decode_lines(lines)
    return [(one.t_s, one.user_id, one.what) for one in found]


def test_what_is_open_when_a_process_ends_is_lost_then() -> None:
    log = [
        subscription(1, "ann", "joined"),
        subscription(2, "ann", "live"),
        subscription(3, "bob", "joined"),
        subscription(4, "cy", "joined"),
        subscription(5, "cy", "left"),
    ]
    lines = _encode(log)
    assert ended_at(lines, 9).startswith(lines)
    assert told(ended_at(lines, 9))[len(log) :] == [(9, "ann", "lost"), (9, "bob", "lost")]


def test_two_sockets_of_a_user_with_one_reference_are_lost_apart() -> None:
    log = [subscription(t, "ann", what) for t, what in enumerate(("joined", "joined", "closed"))]
    assert told(ended_at(_encode(log), 9))[3:] == [(9, "ann", "lost")]


def test_a_log_without_an_open_subscription_stays_as_it_is() -> None:
    log = _encode([subscription(1, "ann", "joined"), subscription(2, "ann", "lost")])
    assert ended_at(log, 9) == log
    assert ended_at(b"", 9) == b""


def test_a_room_is_left_out_of_both_logs_and_the_rest_keeps_its_bytes() -> None:
    commits = [
        Commit(
            seq=seq,
            op="INSERT",
            row_id=seq,
            webinar_id=room,
            user_id="u",
            client_msg_id="c",
            body="b",
            committed_s=seq,
        )
        for seq, room in enumerate((1, 7, 2, 7), start=1)
    ]
    assert without_room(_encode(commits), 7) == _encode([commits[0], commits[2]])
    other_topic = msgspec.structs.replace(subscription(1, "ann", "joined"), webinar_id=None)
    assert without_room(_encode([other_topic]), 7) == _encode([other_topic])
