"""The server's logs where it was not one process from begin to end, or not alone with the users.

Both logs are JSON lines of :mod:`harness.commitlog`. Pure.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from harness.commitlog import Subscription

_decode = msgspec.json.Decoder(Subscription).decode_lines
_encode = msgspec.json.Encoder().encode_lines


class _Room(msgspec.Struct):
    webinar_id: int | None


def ended_at(lines: bytes, t_s: float) -> bytes:
    """The log of subscriptions of a process that ended at ``t_s``: whatever was open is lost."""
    open_: Counter[tuple[str, str, str]] = Counter()
    last: dict[tuple[str, str, str], Subscription] = {}
    for one in _decode(lines):
        join = (one.user_id, one.topic, one.join_ref)
        last[join] = one
        if one.what == "joined":
            open_[join] += 1
        elif one.what in ("left", "closed", "lost"):
            open_[join] -= 1
    lost = [
        msgspec.structs.replace(last[join], t_s=t_s, what="lost")
        for join, count in open_.items()
        for _ in range(count)
    ]
    return lines + _encode(lost)


def without_room(lines: bytes, room: int) -> bytes:
    """Either log without what happened in one room."""
    decode = msgspec.json.Decoder(_Room).decode
    kept = [line for line in lines.splitlines(keepends=True) if decode(line).webinar_id != room]
    return b"".join(kept)
