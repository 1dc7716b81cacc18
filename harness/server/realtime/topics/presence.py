"""Who is here, on one topic. Pure: refs are given.

A person is a key, and a key has one *meta* for each connection that tracks under it: what the
app said about itself, with a ``phx_ref`` of the server's. Nothing here knows how it is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from harness.wire.phoenix import payload

Said = dict[str, Any]
"""The payload of a ``track``. JSON."""
Meta = msgspec.Raw
"""The same with ``phx_ref``, and ``phx_ref_prev`` after a change; encoded, so that nothing is
ever kept that cannot be sent."""
Grouped = dict[str, dict[str, list[Meta]]]
"""As it stands on the wire: ``{key: {"metas": [meta, …]}}``."""


@dataclass(frozen=True)
class Diff:
    """What changed: the content of a ``presence_diff``."""

    joins: Grouped
    leaves: Grouped


@dataclass(frozen=True)
class _Tracked:
    key: str
    said: Said
    ref: str
    meta: Meta


class Presence:
    """Everybody who is tracked on a topic, by connection."""

    def __init__(self) -> None:
        self._tracked: dict[int, _Tracked] = {}

    @property
    def state(self) -> Grouped:
        """Everybody: the content of a ``presence_state``."""
        grouped: Grouped = {}
        for one in self._tracked.values():
            grouped.setdefault(one.key, {"metas": []})["metas"].append(one.meta)
        return grouped

    def said(self, connection: int) -> Said | None:
        """What a connection tracks at present; ``None`` if it is not here."""
        tracked = self._tracked.get(connection)
        return None if tracked is None else tracked.said

    def track(self, connection: int, key: str, said: Said, ref: str) -> Diff:
        """Be here, or say something else: then the diff also has the old meta as a leave."""
        before = self._tracked.get(connection)
        meta = {**said, "phx_ref": ref}
        leaves: Grouped = {}
        if before is not None:
            meta["phx_ref_prev"] = before.ref
            leaves = _alone(before)
        tracked = _Tracked(key, said, ref, payload(meta))
        self._tracked[connection] = tracked
        return Diff(_alone(tracked), leaves)

    def untrack(self, connection: int) -> Diff | None:
        """Be gone; ``None`` for one who was not here."""
        before = self._tracked.pop(connection, None)
        return None if before is None else Diff({}, _alone(before))


def _alone(tracked: _Tracked) -> Grouped:
    return {tracked.key: {"metas": [tracked.meta]}}
