"""``[load]``: how many people there are, and how much they want to write.

Each shape of the load takes keys of its own; :func:`check_load` refuses a key that the chosen
shape would not look at, because a number without effect is a mistake that nobody sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle, pairwise
from math import isclose
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from harness.errors import UsageError
from harness.near_names import near
from scenarios.habits import AbsenceTable, Retries, check_habits
from scenarios.personas import PARTICIPANT, PERSONAS

Seconds = Annotated[float, Meta(ge=0, le=7 * 86400)]
SomeSeconds = Annotated[float, Meta(gt=0, le=7 * 86400)]
MessagesPerS = Annotated[float, Meta(gt=0, le=1_000)]

MOST_SPAWNED_A_SECOND = 10_000

Arrivals = Literal["poisson", "constant", "ramp", "bursts", "diurnal", "recorded"]

_BASE = "messages_per_s_per_room"
_PEAK = "peak_messages_per_s_per_room"
KEYS: Mapping[Arrivals, tuple[str, ...]] = MappingProxyType(
    {
        "poisson": (_BASE,),
        "constant": (_BASE,),
        "ramp": (_BASE, _PEAK),
        "diurnal": (_BASE, _PEAK),
        "bursts": (_BASE, "burst_every_s", "burst_lasts_s", "burst_messages"),
        "recorded": ("recorded_s",),
    }
)
"""The keys that each shape needs; every other of them is refused, but for the rate, which a
scenario may keep when ``--set load.arrivals=recorded`` changes it for one run."""


class Load(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many people, and how much they write. The load is open: planned, whatever happens."""

    users: Annotated[int, Meta(ge=1, le=100_000)]
    spawn_rate: Annotated[float, Meta(gt=0, le=MOST_SPAWNED_A_SECOND)]
    """Users started a second."""
    room_size: Annotated[int, Meta(ge=1)] | None = None
    """Users in each room. This or ``rooms``."""
    rooms: (
        Annotated[tuple[Annotated[int, Meta(ge=1)], ...], Meta(min_length=1, max_length=10_000)]
        | None
    ) = None
    """Users in the first room, the second …; from the first again for those who are left."""
    messages_per_s_per_room: MessagesPerS | None = None
    """The rate; of ``ramp`` where it begins, of ``diurnal`` the lowest, of ``bursts`` between
    them."""
    arrivals: Arrivals = "poisson"
    peak_messages_per_s_per_room: MessagesPerS | None = None
    """``ramp``: reached at the load's end; ``diurnal``: reached in its middle."""
    burst_every_s: SomeSeconds | None = None
    """From one burst's beginning to the next; the first begins so long after the load."""
    burst_lasts_s: SomeSeconds | None = None
    burst_messages: Annotated[float, Meta(gt=0, le=1_000_000)] | None = None
    """Messages that each burst adds in each room, on average."""
    recorded_s: Annotated[tuple[Seconds, ...], Meta(min_length=1, max_length=100_000)] | None = None
    """The moments themselves, the same in every room, in seconds after the load begins."""
    people: dict[str, Annotated[float, Meta(ge=0, le=100)]] = {}
    """Who is there, by persona (``scenarios.personas``): presenters and moderators by their
    number in each room, all others by their share of the rest. Empty: everybody writes alike."""
    retries: dict[str, Retries] = {}
    """Who sends a failed message again, by persona or ``all``; nobody else does."""
    absences: Annotated[tuple[AbsenceTable, ...], Meta(max_length=100)] = ()

    @property
    def room_sizes(self) -> tuple[int, ...]:
        """How many sit in each room. Rooms are filled one after another to their sizes, which
        are gone through again while users are left; the last room may stay smaller."""
        sizes = self.rooms if self.room_size is None else (self.room_size,)
        filled, left = [], self.users
        for size in cycle(sizes or (left,)):
            filled.append(min(size, left))
            left -= size
            if left <= 0:
                break
        return tuple(filled)

    @property
    def smallest_room(self) -> int:
        """The smallest of the rooms that are full, or of all where none is."""
        sizes = self.rooms if self.room_size is None else (self.room_size,)
        return min(self.users, *(sizes or (self.users,)))

    @property
    def base(self) -> float:
        """Messages a second in a room, away from any peak; 0 where moments are recorded."""
        if self.arrivals == "recorded" or self.messages_per_s_per_room is None:
            return 0.0
        return self.messages_per_s_per_room

    @property
    def highest(self) -> float:
        """The highest rate in a room; 0 where moments are recorded."""
        if self.burst_messages is not None and self.burst_lasts_s is not None:
            return self.base + self.burst_messages / self.burst_lasts_s
        return self.peak_messages_per_s_per_room or self.base


def check_load(load: Load, *, load_s: float, where: str) -> None:
    """Raises :class:`UsageError` where the keys do not fit the shape or each other."""
    if load.room_size is None and load.rooms is None:
        raise UsageError(f"{where}: load.room_size: is missing; or sizes, rooms = [200, 50]")
    if load.room_size is not None and load.rooms is not None:
        raise UsageError(f"{where}: load.rooms: room_size is given too; one of the two")
    _check_persons(load.people, where)
    there = load.people or (PARTICIPANT.name,)
    check_habits(load.retries, load.absences, there=there, where=where)
    needed = KEYS[load.arrivals]
    for key in dict.fromkeys(key for keys in KEYS.values() for key in keys):
        given = getattr(load, key) is not None
        if key in needed and not given:
            raise UsageError(f"{where}: load.{key}: is missing{_because(load.arrivals)}")
        if given and key not in (*needed, _BASE):
            shapes = " or ".join(shape for shape, keys in KEYS.items() if key in keys)
            raise UsageError(
                f"{where}: load.{key}: has no effect with arrivals = {load.arrivals}; leave it "
                f"out, or choose {shapes}"
            )
    _check_shape(load, load_s, where)


def check_capacity(load: Load, *, present: int, disabled_s: float, where: str) -> None:
    """Raises :class:`UsageError` where ``present`` people cannot write as much under S6."""
    most = present / disabled_s if disabled_s else float("inf")
    if load.highest <= most:
        return
    key, value, limit = KEYS[load.arrivals][-1], load.highest, most
    if load.burst_messages is not None and load.burst_lasts_s is not None:
        value, limit = load.burst_messages, (most - load.base) * load.burst_lasts_s
        if limit <= 0:
            key, value, limit = _BASE, load.base, most
    raise UsageError(
        f"{where}: load.{key}: {value:g} is too much for a room of {present}, whose send button "
        f"is disabled for {disabled_s:g} s after each message (S6); at most {limit:g}"
    )


def _check_persons(people: Mapping[str, float], where: str) -> None:
    for name, value in people.items():
        if name not in PERSONAS:
            raise UsageError(
                f"{where}: load.people.{name}: no such persona; {near(name, PERSONAS)}"
            )
        if PERSONAS[name].by_number and not value.is_integer():
            raise UsageError(
                f"{where}: load.people.{name}: {value:g} is not how many of them a room has; a "
                "whole number"
            )
    shares = [value for name, value in people.items() if not PERSONAS[name].by_number]
    if people and not isclose(sum(shares), 1.0, abs_tol=1e-6):
        raise UsageError(
            f"{where}: load.people: the shares add up to {sum(shares):g}; they must add up to 1, "
            f"{' and '.join(name for name in PERSONAS if PERSONAS[name].by_number)} aside"
        )


def _because(shape: Arrivals) -> str:
    return "" if shape == "poisson" else f"; arrivals = {shape} needs it"


def _check_shape(load: Load, load_s: float, where: str) -> None:
    peak, every_s, lasts_s = (
        load.peak_messages_per_s_per_room,
        load.burst_every_s,
        load.burst_lasts_s,
    )
    if peak is not None and peak < load.base:
        raise UsageError(
            f"{where}: load.{_PEAK}: {peak:g} is below {_BASE}, {load.base:g}; at least that"
        )
    if every_s is not None and lasts_s is not None and lasts_s >= every_s:
        raise UsageError(
            f"{where}: load.burst_lasts_s: {lasts_s:g} is no shorter than burst_every_s; less "
            f"than {every_s:g}"
        )
    if every_s is not None and every_s >= load_s:
        raise UsageError(
            f"{where}: load.burst_every_s: {every_s:g} is too long for a load of {load_s:g} s, "
            f"which would see no burst; less than {load_s:g}"
        )
    for earlier_s, later_s in pairwise(load.recorded_s or ()):
        if later_s < earlier_s:
            raise UsageError(
                f"{where}: load.recorded_s: {later_s:g} comes after {earlier_s:g}; the moments "
                "must rise"
            )
    if load.recorded_s is not None and load.recorded_s[0] >= load_s:
        raise UsageError(
            f"{where}: load.recorded_s: the first moment, {load.recorded_s[0]:g}, is after the "
            f"load's end; less than {load_s:g}"
        )
