"""Broadcasts that come over HTTP: what a request asks for, and what is wrong with it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from harness.server.access import Access
from harness.server.realtime.answers import PREFIX, name_of
from harness.server.realtime.quotas import Quotas
from harness.server.realtime.topics.broadcast import Broadcast, Relayed, UserEvent
from harness.server.realtime.topics.policies import may_use
from harness.server.realtime.topics.topics import TopicName
from harness.wire.binary import MAX_FIELD_BYTES
from harness.wire.phoenix import payload
from harness.wire.unreadable import UNREADABLE, too_deep

_BLANK = ["can't be blank"]
_TOO_LARGE = ["Payload size exceeds tenant limit"]


@dataclass(frozen=True)
class Posted:
    """One broadcast of a request."""

    name: TopicName
    broadcast: Broadcast


@dataclass(frozen=True)
class Rejected:
    """The request is answered with this status and JSON body, and nothing is sent."""

    status: int
    body: dict[str, Any]


_BAD_REQUEST = Rejected(400, {"message": "Bad Request"})


def over_rate(quotas: Quotas, now_s: float) -> Rejected | None:
    """Whether the project has sent so much that every request is refused."""
    if int(quotas.messages.average(now_s)) < quotas.plan.messages_per_s:
        return None
    return Rejected(429, {"message": "Too many requests"})


def read_batch(
    body: bytes, access: Access, quotas: Quotas, now_s: float
) -> list[Posted] | Rejected:
    """Read ``POST /api/broadcast``. What a token may not send to is left out in silence."""
    if too_deep(body):
        return _BAD_REQUEST
    try:
        content = msgspec.json.decode(body)
    except UNREADABLE:
        return _BAD_REQUEST
    messages = content.get("messages") if isinstance(content, dict) else None
    if not isinstance(messages, list):
        return Rejected(
            422, {"errors": {"messages": _BLANK if messages is None else ["is invalid"]}}
        )
    problems = [_problems(one, quotas) for one in messages]
    if any(problems):
        return Rejected(422, {"errors": {"messages": problems}})
    average, limit = quotas.messages.average(now_s), quotas.plan.messages_per_s
    if len(messages) + average > limit:
        return _too_many("Too many messages to broadcast, please reduce the batch size")
    posted = [_posted(one) for one in messages]
    return [
        one for one in posted if not one.name.private or may_use(access, name_of(one.name.topic))
    ]


def read_single(
    topic: str,
    event: str,
    body: bytes,
    access: Access,
    quotas: Quotas,
    *,
    private: bool,
    is_json: bool,
) -> Posted | Rejected:
    """Read ``POST /api/broadcast/{topic}/events/{event}``."""
    if is_json:
        if too_deep(body):
            return _BAD_REQUEST
        try:
            msgspec.json.decode(body)
        except UNREADABLE:
            return _BAD_REQUEST
    if not quotas.plan.fits(len(body)):
        return Rejected(422, {"errors": {"payload": _TOO_LARGE}})
    for what, text in (("topic", PREFIX + topic), ("event", event)):
        if len(text.encode()) > MAX_FIELD_BYTES:
            problem = f"should be at most {MAX_FIELD_BYTES} byte(s)"
            return Rejected(422, {"errors": {what: [problem]}})
    if private and not may_use(access, topic):
        return Rejected(403, {"message": "Unauthorized"})
    return Posted(TopicName(PREFIX + topic, private), UserEvent(event, is_json, body))


def _too_many(message: str) -> Rejected:
    return Rejected(429, {"message": message})


def _problems(message: Any, quotas: Quotas) -> dict[str, list[str]]:
    if not isinstance(message, dict):
        return {"messages": ["is invalid"]}
    problems: dict[str, list[str]] = {}
    for name, kind in (("topic", str), ("event", str), ("payload", dict)):
        value = message.get(name)
        if value is None or value == "":
            problems[name] = _BLANK
        elif not isinstance(value, kind):
            problems[name] = ["is invalid"]
    if "payload" not in problems and not quotas.plan.fits(len(payload(message["payload"]))):
        problems["payload"] = _TOO_LARGE
    return problems


def _posted(message: dict[str, Any]) -> Posted:
    content = {"payload": message["payload"], "event": message["event"], "type": "broadcast"}
    if isinstance(message.get("id"), str):
        content["meta"] = {"id": message["id"]}
    name = TopicName(PREFIX + message["topic"], message.get("private") in (True, "true"))
    return Posted(name, Relayed(payload(content)))
