"""The knobs and defects of a running server, which its admin port may turn at any time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from harness.errors import UsageError
from harness.server.defects import Defect, Defects, parse_defects
from harness.server.knob_values import changed, read_changes
from harness.server.knobs import Knobs
from harness.wire.unreadable import UNREADABLE


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change: ``PATCH /switches``."""

    knobs: dict[str, Any] = {}
    """New values by name; all others stay."""
    defects: list[str] | None = None
    """All defects that are to hold from now on; ``None`` leaves them."""


def parse_turn(body: bytes) -> Turn:
    """Read and check a turn. Raises :class:`UsageError` naming what is wrong with it."""
    if not body.strip():
        raise UsageError('switches: there is no body; {"knobs": {…}, "defects": […]} is meant')
    try:
        turn = msgspec.json.decode(body, type=Turn)
    except UNREADABLE as error:
        raise UsageError(f"switches: {error}") from None
    parse_defects(turn.defects or (), "defects:")
    return msgspec.structs.replace(turn, knobs=read_changes(turn.knobs))


@dataclass
class Switches:
    """What holds now. Whoever behaves by it looks here each time and keeps no copy."""

    knobs: Knobs
    defects: Defects = frozenset()
    _watchers: list[Callable[[], None]] = field(default_factory=list, repr=False, compare=False)

    def watch(self, watcher: Callable[[], None]) -> None:
        """Call ``watcher`` after each turn: for what cannot wait until the next look."""
        self._watchers.append(watcher)

    def has(self, defect: Defect) -> bool:
        """Whether a defect is planted."""
        return defect in self.defects

    def turn(self, turn: Turn) -> None:
        """Let what :func:`parse_turn` has checked hold from now on.

        Raises :class:`UsageError`, and turns nothing, where the new knobs do not go together.
        """
        self.knobs = changed(self.knobs, turn.knobs)
        if turn.defects is not None:
            self.defects = parse_defects(turn.defects)
        for watcher in self._watchers:
            watcher()
