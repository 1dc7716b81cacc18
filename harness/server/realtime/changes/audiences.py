"""Which live channels a committed change reaches, and the one frame that all alike of them get.

Channels of one serializer, topic, set of bindings and access are an *audience*: they get the
same bytes and row-level security says the same of them, so a change is judged and encoded once
for each audience, however many listen. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from harness.server.access import Access
from harness.server.realtime.changes.bindings import Binding
from harness.server.realtime.changes.frames import Rendering, change_data, change_payload
from harness.server.realtime.effects import Effect, Peer, Publish
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

    def __bool__(self) -> bool:
        """Whether anybody listens."""
        return bool(self._rooms)

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

    def publish(self, change: Change, commit_timestamp: str, rendering: Rendering) -> list[Effect]:
        """Send a change to all audiences that may read its row and have a binding that it passes.

        Bindings of a channel that select the same columns share a frame.
        """
        commit = change.commit
        row = change.old if commit.op == "DELETE" else change.row
        # A DELETE is filtered by the old key columns; the room is among them only under FULL.
        key_only = commit.op == "DELETE" and not rendering.whole_old
        room = None if key_only else commit.webinar_id
        audiences = {**self._rooms.get(None, {}), **self._rooms.get(room, {})}
        effects: list[Effect] = []
        datas: dict[tuple[str, ...] | None, msgspec.Raw] = {}
        for audience, connections in audiences.items():
            # The genuine server asks for no permission before it tells of a DELETE.
            if row is None or not (
                commit.op == "DELETE" or audience.access.may_read(commit.webinar_id)
            ):
                continue
            matching = [
                one for one in audience.bindings if one.matches(commit.op, row, key_only=key_only)
            ]
            for select in sorted({one.select for one in matching}, key=lambda one: one or ()):
                if select not in datas:
                    datas[select] = change_data(change, commit_timestamp, rendering, select)
                # The genuine server lists them last first.
                ids = tuple(one.id for one in reversed(matching) if one.select == select)
                content = change_payload(ids, datas[select])
                frame = Frame(None, None, audience.topic, "postgres_changes", content)
                effects.append(Publish(audience.vsn, frame, tuple(connections)))
        return effects


def _rooms(audience: Audience) -> Iterable[int | None]:
    return {binding.webinar_id: None for binding in audience.bindings}
