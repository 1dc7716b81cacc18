"""Which live channels a committed change reaches, and the one frame that all alike of them get.

Channels of one serializer, topic, set of bindings and access are an *audience*: they get the
same bytes and row-level security says the same of them, so a change is judged and encoded once
for each audience, however many listen. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from harness.server.access import Access
from harness.server.realtime.change_frames import change_data, change_payload
from harness.server.realtime.effects import Effect, Peer, Publish
from harness.server.realtime.joins import Binding
from harness.server.storage.model import Change
from harness.wire.phoenix import Frame, Vsn


class Audience(NamedTuple):
    """What channels have in common that get the same bytes."""

    vsn: Vsn
    topic: str
    bindings: tuple[Binding, ...]
    access: Access


class Audiences:
    """All live channels of a server process, by what they listen to."""

    def __init__(self) -> None:
        # The audiences of each room; those that listen to every room stand under None. The
        # inner dicts are ordered sets of connections: the same history gives the same order.
        self._rooms: dict[int | None, dict[Audience, dict[int, None]]] = {}

    def add(self, audience: Audience, peer: Peer) -> None:
        """From now on a connection is sent what its audience gets."""
        for room in _rooms(audience):
            self._rooms.setdefault(room, {}).setdefault(audience, {})[peer.connection] = None

    def remove(self, audience: Audience, peer: Peer) -> None:
        """End what :meth:`add` began."""
        for room in _rooms(audience):
            audiences = self._rooms[room]
            del audiences[audience][peer.connection]
            if not audiences[audience]:
                del audiences[audience]
            if not audiences:
                del self._rooms[room]

    def publish(self, change: Change, commit_timestamp: str, *, whole_old: bool) -> list[Effect]:
        """Send a change to all audiences that may read its row and have a binding that it passes.

        ``whole_old``: the table's replica identity is FULL.
        """
        commit = change.commit
        # A DELETE is filtered by the old key columns; the room is among them only under FULL.
        room = None if commit.op == "DELETE" and not whole_old else commit.webinar_id
        audiences = {**self._rooms.get(None, {}), **self._rooms.get(room, {})}
        if not audiences:
            return []
        data = change_data(change, commit_timestamp, whole_old=whole_old)
        effects: list[Effect] = []
        for audience, connections in audiences.items():
            # The genuine server asks for no permission before it tells of a DELETE.
            if commit.op != "DELETE" and not audience.access.may_read(commit.webinar_id):
                continue
            ids = tuple(one.id for one in audience.bindings if one.matches(commit.op, room))
            if ids:
                content = change_payload(ids, data)
                frame = Frame(None, None, audience.topic, "postgres_changes", content)
                effects.append(Publish(audience.vsn, frame, tuple(connections)))
        return effects


def _rooms(audience: Audience) -> Iterable[int | None]:
    return {binding.webinar_id: None for binding in audience.bindings}
