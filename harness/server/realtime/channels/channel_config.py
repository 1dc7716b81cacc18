"""What a join asks for besides database changes, read as tolerantly as Realtime reads it. Pure.

A field that makes no sense counts as its default; the fields beside it still hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from harness.wire.unreadable import UNREADABLE

_API_KEY = "sb_"


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """``config`` of a ``phx_join``."""

    ack: bool = False
    """Whether a broadcast of this channel is answered."""
    hears_itself: bool = False
    """Whether it gets its own broadcasts (``self``)."""
    awaits_replication: bool = False
    """Whether it is told when broadcasts from the database flow (``replication_ready``)."""
    presence: bool = False
    """Whether it is told who is there (``presence.enabled``)."""
    presence_key: str = ""
    """Under which name it is there; empty: the server makes one up."""
    private: bool = False
    """Whether policies say who may join, and only private channels of the topic are heard."""


def parse_object(payload: msgspec.Raw) -> dict[str, Any] | None:
    """A payload's object; ``None`` where it is none."""
    try:
        content = msgspec.json.decode(payload)
    except UNREADABLE:
        return None
    return content if isinstance(content, dict) else None


def is_object(payload: msgspec.Raw) -> bool:
    """Whether a payload of a sound frame is an object, without reading it."""
    return bytes(payload).lstrip()[:1] == b"{"


def parse_config(content: dict[str, Any]) -> ChannelConfig:
    """Read the payload of a ``phx_join``."""
    config = _inner(content, "config")
    broadcast, presence = _inner(config, "broadcast"), _inner(config, "presence")
    return ChannelConfig(
        ack=_flag(broadcast.get("ack")),
        hears_itself=_flag(broadcast.get("self")),
        awaits_replication=_flag(broadcast.get("replication_ready")),
        presence=_flag(presence.get("enabled")),
        presence_key=_key(presence.get("key")),
        private=_flag(config.get("private")),
    )


def join_token(content: dict[str, Any]) -> str | None:
    """The token that a join brings; ``None``: the connection's own one holds."""
    token, legacy = content.get("access_token"), content.get("user_token")
    first = token or legacy if token != "" else token
    if isinstance(first, str) and first.startswith(_API_KEY):
        return None
    return next((one for one in (legacy, token) if isinstance(one, str)), None)


def pushed_token(content: dict[str, Any]) -> str | None:
    """The token of an ``access_token`` push; ``None`` where there is nothing to take over."""
    token = content.get("access_token")
    return token if isinstance(token, str) and not token.startswith(_API_KEY) else None


def _inner(content: dict[str, Any], name: str) -> dict[str, Any]:
    value = content.get(name)
    return value if isinstance(value, dict) else {}


def _flag(value: Any) -> bool:
    """Some clients write booleans as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _key(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) else ""
