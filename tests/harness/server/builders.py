"""Values that the server's tests are made of."""

from __future__ import annotations

from typing import Any

import msgspec

from harness.commitlog import Commit, Subscription
from harness.server.access import Access
from harness.server.auth.tokens import Claims, Tokens
from harness.server.realtime.effects import Effect, Peer, Publish, Send
from harness.server.storage.model import Change, Op
from harness.server.walltime import WallTime
from harness.tokens import mint, mint_anon, mint_service_role
from harness.wire.changes import MessageRow
from harness.wire.phoenix import Frame, payload

SECRET = "a secret for tests, long enough for HS256"
UNIX_START_S = 1_795_000_000
"""The wall clock of the tests where their monotonic clock is 0."""
TOKENS = Tokens(SECRET, WallTime(UNIX_START_S))
USER = "11111111-1111-4111-8111-111111111111"
MESSAGE = "abcdef22-2222-4222-8222-222222222222"
TOPIC = "realtime:webinar-42"
MEMBER = Access("authenticated", (("*", "attendee"),))
V1 = Peer(1, "1.0.0")
V2 = Peer(2, "2.0.0")


def user_token(
    *,
    begins_s: int = 0,
    lifetime_s: int = 3600,
    user_id: str = USER,
    role: str = "attendee",
    webinar: str = "*",
) -> str:
    """Of a user with one part in one webinar, or in all of them."""
    return mint(
        SECRET,
        user_id,
        webinars={webinar: role},
        issued_at_unix_s=UNIX_START_S + begins_s,
        lifetime_s=lifetime_s,
    )


def anon_token() -> str:
    return mint_anon(SECRET, issued_at_unix_s=UNIX_START_S)


def service_token() -> str:
    return mint_service_role(SECRET, issued_at_unix_s=UNIX_START_S)


def claims(
    *, expires_s: float = 3600.0, token: str = "t", user_id: str = USER, access: Access = MEMBER
) -> Claims:
    return Claims(token, user_id, access, expires_s)


def room_filter(room: int = 42, event: str = "INSERT") -> dict[str, Any]:
    return {
        "event": event,
        "schema": "public",
        "table": "messages",
        "filter": f"webinar_id=eq.{room}",
    }


def join_frame(
    *filters: dict[str, Any] | None,
    topic: str = TOPIC,
    ref: str | None = "7",
    token: str | None = None,
) -> Frame:
    config = {"broadcast": {"ack": False}, "postgres_changes": list(filters), "private": False}
    content = payload({"config": config, "access_token": token})
    return Frame(ref, ref, topic, "phx_join", content)


def asked(frame: Frame) -> Any:
    """What the payload of a frame says."""
    return msgspec.json.decode(frame.payload)


def push(event: str, content: Any, *, topic: str = TOPIC, ref: str = "8", join: str = "7") -> Frame:
    return Frame(join, ref, topic, event, payload(content))


def row(row_id: int = 901, room: int = 42, *, hidden: bool = False) -> MessageRow:
    return MessageRow(row_id, room, USER, MESSAGE, "hi", "2026-11-23T10:00:00.12+00:00", hidden)


def change(
    op: Op = "INSERT",
    row_id: int = 901,
    room: int = 42,
    seq: int = 1,
    committed_s: float = 1.0,
) -> Change:
    commit = Commit(
        seq=seq,
        op=op,
        row_id=row_id,
        webinar_id=room,
        user_id=USER,
        client_msg_id=MESSAGE,
        body="hi",
        committed_s=committed_s,
    )
    new = None if op == "DELETE" else row(row_id, room, hidden=op == "UPDATE")
    return Change(commit, new, None if op == "INSERT" else row(row_id, room))


def subscription(number: int) -> Subscription:
    return Subscription(
        t_s=float(number),
        user_id=USER,
        webinar_id=42,
        topic=TOPIC,
        join_ref=str(number),
        what="joined",
    )


def frames(effects: list[Effect] | tuple[Effect, ...]) -> list[tuple[int, list[Any]]]:
    """What each connection is sent, in order: ``(connection, [join_ref, ref, topic, …])``."""
    sent: list[tuple[int, list[Any]]] = []
    for effect in effects:
        if isinstance(effect, Send):
            sent.append((effect.peer.connection, as_list(effect.frame)))
        elif isinstance(effect, Publish):
            sent += [(number, as_list(effect.frame)) for number in effect.connections]
    return sent


def as_list(frame: Frame) -> list[Any]:
    decoded: list[Any] = msgspec.json.decode(msgspec.json.encode(frame))
    return decoded
