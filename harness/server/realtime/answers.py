"""The frames with which the server answers, each with the refs that clients look at. Pure.

A client drops a frame whose ``join_ref`` is not that of its present join, and a ``phx_close``
or ``phx_error`` whose ``ref`` is not.
"""

from __future__ import annotations

from typing import Any, Literal

from harness.wire.phoenix import EMPTY, Frame, payload

PREFIX = "realtime:"
"""What every topic of a channel begins with; clients are told the rest as ``channel``."""

Status = Literal["ok", "error"]


def name_of(topic: str) -> str:
    """The topic as the app named it."""
    return topic.removeprefix(PREFIX)


def reply(frame: Frame, status: Status, response: Any) -> Frame:
    """The ``phx_reply`` to a client's frame, with both of its refs."""
    content = payload({"status": status, "response": response})
    return Frame(frame.join_ref, frame.ref, frame.topic, "phx_reply", content)


def lone_reply(frame: Frame, status: Status, response: Any) -> Frame:
    """The ``phx_reply`` to a frame that belongs to no channel: without ``join_ref``."""
    content = payload({"status": status, "response": response})
    return Frame(None, frame.ref, frame.topic, "phx_reply", content)


def channel_reply(
    topic: str, join_ref: str | None, ref: str | None, status: Status, response: Any
) -> Frame:
    """The ``phx_reply`` of a channel: with its own ``join_ref``, whatever the client sent."""
    content = payload({"status": status, "response": response})
    return Frame(join_ref, ref, topic, "phx_reply", content)


def system(
    topic: str, join_ref: str | None, *, extension: str, status: Status, message: str
) -> Frame:
    """A ``system`` message of a channel."""
    content = {
        "extension": extension,
        "status": status,
        "message": message,
        "channel": name_of(topic),
    }
    return Frame(join_ref, None, topic, "system", payload(content))


def announcement(topic: str, message: str) -> Frame:
    """A ``system`` message to all channels alike; it carries no refs and names no channel."""
    content = {"extension": "system", "status": "ok", "message": message}
    return Frame(None, None, topic, "system", payload(content))


def close(topic: str, join_ref: str | None) -> Frame:
    """``phx_close``: this join is over for good."""
    return Frame(join_ref, join_ref, topic, "phx_close", EMPTY)


def crash(topic: str, join_ref: str | None) -> Frame:
    """``phx_error``: the channel crashed; its client joins again."""
    content = payload({"reason": "channel_crash"})
    return Frame(join_ref, join_ref, topic, "phx_error", content)
