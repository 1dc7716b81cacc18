"""Topics as those see them who are on one together: broadcasts and presence. Pure.

A public and a private topic of one name are two topics: what is said on one is not heard on
the other.
"""

from __future__ import annotations

import base64
from random import Random
from typing import NamedTuple

import msgspec

from harness.server.realtime.effects import Effect, Peer, Publish, PublishBinary
from harness.server.realtime.topics.broadcast import Broadcast, in_serializer
from harness.server.realtime.topics.presence import Diff, Presence, Said
from harness.wire.phoenix import Frame, Vsn, payload


class TopicName(NamedTuple):
    """A topic."""

    topic: str
    """As on the wire, ``realtime:…``."""
    private: bool


class _Member(NamedTuple):
    vsn: Vsn
    sees_presence: bool


class _Topic:
    def __init__(self) -> None:
        self.members: dict[int, _Member] = {}
        self.presence = Presence()


class Topics:
    """All topics with at least one channel on them. ``rng``: where refs come from."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._topics: dict[TopicName, _Topic] = {}

    def enter(self, name: TopicName, peer: Peer, *, presence: bool) -> None:
        """A channel joins. On a private topic only one with ``presence`` hears who is there."""
        topic = self._topics.setdefault(name, _Topic())
        topic.members[peer.connection] = _Member(peer.vsn, presence or not name.private)

    def leave(self, name: TopicName, connection: int) -> list[Effect]:
        """A channel ends: the others hear that it left, if it was tracked."""
        topic = self._topics[name]
        del topic.members[connection]
        if not topic.members:
            del self._topics[name]
            return []
        return _told(name, topic, topic.presence.untrack(connection))

    def members(self, name: TopicName) -> tuple[int, ...]:
        """The connections of all channels on a topic."""
        topic = self._topics.get(name)
        return () if topic is None else tuple(topic.members)

    def state(self, name: TopicName) -> msgspec.Raw:
        """Who is there: the content of ``presence_state``."""
        return payload(self._topics[name].presence.state)

    def said(self, name: TopicName, connection: int) -> Said | None:
        """What a channel tracks; ``None`` if nothing."""
        return self._topics[name].presence.said(connection)

    def track(self, name: TopicName, peer: Peer, key: str, said: Said) -> list[Effect]:
        """A channel says who it is. From now on it hears of others, too."""
        topic = self._topics[name]
        diff = topic.presence.track(peer.connection, key, said, self._ref())
        topic.members[peer.connection] = _Member(peer.vsn, True)
        return _told(name, topic, diff)

    def untrack(self, name: TopicName, connection: int) -> list[Effect]:
        """A channel stays, but is no longer there."""
        topic = self._topics[name]
        return _told(name, topic, topic.presence.untrack(connection))

    def broadcast(
        self, name: TopicName, broadcast: Broadcast, *, but: int | None = None
    ) -> list[Effect]:
        """Send to all channels on a topic; ``but``: a connection that does not hear itself."""
        topic = self._topics.get(name)
        if topic is None:
            return []
        effects: list[Effect] = []
        for vsn, connections in _by_serializer(topic).items():
            hearing = tuple(number for number in connections if number != but)
            message = in_serializer(broadcast, name.topic, vsn) if hearing else None
            if isinstance(message, bytes):
                effects.append(PublishBinary(message, hearing))
            elif message is not None:
                effects.append(Publish(vsn, message, hearing))
        return effects

    def _ref(self) -> str:
        """A ``phx_ref``: 16 letters that are never used twice."""
        return base64.urlsafe_b64encode(self._rng.randbytes(12)).decode()


def _told(name: TopicName, topic: _Topic, diff: Diff | None) -> list[Effect]:
    if diff is None:
        return []
    content = payload({"joins": diff.joins, "leaves": diff.leaves})
    frame = Frame(None, None, name.topic, "presence_diff", content)
    return [
        Publish(vsn, frame, seeing)
        for vsn, connections in _by_serializer(topic).items()
        if (seeing := tuple(one for one in connections if topic.members[one].sees_presence))
    ]


def _by_serializer(topic: _Topic) -> dict[Vsn, list[int]]:
    grouped: dict[Vsn, list[int]] = {}
    for connection, member in topic.members.items():
        grouped.setdefault(member.vsn, []).append(connection)
    return grouped
