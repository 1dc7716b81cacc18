"""The server's switches as faults turn them: how several compose, and which cannot. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from harness.errors import UsageError
from harness.server.defect_notes import defect_notes
from harness.server.defects import parse_defects
from harness.server.knob_values import changed, read_changes
from harness.server.knobs import Knobs


class Turned(msgspec.Struct, frozen=True, kw_only=True):
    """Knobs that have another value, and defects that are planted beside those that are there."""

    knobs: dict[str, Any] = {}
    defects: frozenset[str] = frozenset()

    def held_by(self, switches: Switches) -> bool:
        """Whether the server is so, whatever else is turned in it."""
        knobs = switches.knobs
        same = all(name in knobs and knobs[name] == value for name, value in self.knobs.items())
        return same and self.defects <= switches.defects


class Down(msgspec.Struct, frozen=True):
    """The server's process is gone: asked to end (``stop``, SIGTERM), or killed (``kill -9``)."""

    how: Literal["stop", "kill"]


class Switches(msgspec.Struct, frozen=True, kw_only=True):
    """All knobs and planted defects of a server, as its admin port tells them."""

    knobs: dict[str, Any]
    defects: frozenset[str]


NOTHING = Switches(knobs={}, defects=frozenset())


def composed(base: Switches, turned: Iterable[Turned]) -> Switches:
    """``base`` with everything that is turned on top of it. Those that :func:`clash` lets
    together give the same in any order."""
    knobs, defects = dict(base.knobs), base.defects
    for each in turned:
        knobs |= each.knobs
        defects |= each.defects
    return Switches(knobs=knobs, defects=defects)


def difference(wanted: Switches, found: Switches) -> str:
    """What of ``found`` is not as ``wanted``, in words; empty where nothing is."""
    knobs = [
        f"{name} is {found.knobs.get(name)!r} and not {value!r}"
        for name, value in wanted.knobs.items()
        if found.knobs.get(name) != value
    ]
    gone = [f"{name} is not planted" for name in sorted(wanted.defects - found.defects)]
    extra = [f"{name} is planted" for name in sorted(found.defects - wanted.defects)]
    return ", ".join((*knobs, *gone, *extra))


def clash(one: str, ours: Turned, other: str, theirs: Turned) -> str:
    """Why what ``one`` and ``other`` turn cannot hold at once; empty where it can.

    The same twice is refused too: the end of the first would not be seen.
    """
    if ours == theirs:
        return "turn the same"
    if both := sorted(ours.defects & theirs.defects):
        return f"plant the same defect ({both[0]})"
    for name, value in ours.knobs.items():
        if name in theirs.knobs and theirs.knobs[name] != value:
            return (
                f"set one knob differently ({name}: {value!r} by {one!r},"
                f" {theirs.knobs[name]!r} by {other!r})"
            )
    alone = {*_notes(ours), *_notes(theirs)}
    hidden = [note for note in _notes(ours, theirs) if note not in alone]
    if hidden:
        return f"one hides the other ({hidden[0]})"
    try:
        checked(Turned(knobs={**ours.knobs, **theirs.knobs}))
    except UsageError as error:
        return f"do not go together ({error})"
    return ""


def _notes(*turned: Turned) -> list[str]:
    return defect_notes(parse_defects(name for each in turned for name in each.defects))


def checked(turned: Turned) -> Turned:
    """``turned`` with its values as the server's own checks read them.

    Raises :class:`UsageError` in the server's words for what is no knob or defect, out of its
    range, or at odds with the other knobs' defaults.
    """
    knobs = read_changes(turned.knobs)
    changed(Knobs(), knobs)
    return Turned(
        knobs=knobs, defects=frozenset(map(str, parse_defects(turned.defects, "defects:")))
    )
