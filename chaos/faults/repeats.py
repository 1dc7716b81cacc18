"""When a fault of a scenario is on: from ``at_s``, ``every_s`` … to single occurrences. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Annotated

import msgspec
from msgspec import Meta

from chaos.faults.phases import Phase
from chaos.faults.tables import missing
from harness.errors import UsageError
from harness.near_names import near
from harness.seeds import stream

MOST = 200
"""Occurrences of one fault, each with a receipt and windows of its own."""

_DAY_S = 86_400.0
_ROUNDING_S = 1e-6
"""The load's length is a difference of sums, and may miss its last digits."""


class Timing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keys of a ``[[faults]]`` table that say when it is on."""

    at_s: (
        Annotated[
            float,
            Meta(
                ge=0,
                le=_DAY_S,
                description="seconds after the load or its phase begins, 0 to 86400",
            ),
        ]
        | None
    ) = None
    for_s: (
        Annotated[float, Meta(gt=0, le=_DAY_S, description="seconds, more than 0, up to 86400")]
        | None
    ) = None
    every_s: (
        Annotated[
            float,
            Meta(gt=0, le=_DAY_S, description="seconds from begin to begin, up to 86400"),
        ]
        | None
    ) = None
    times: (
        Annotated[int, Meta(ge=1, le=MOST, description=f"a whole number from 1 to {MOST}")] | None
    ) = None
    jitter_s: Annotated[float, Meta(ge=0, le=_DAY_S, description="seconds, 0 to 86400")] = 0.0
    phase: Annotated[str, Meta(description="the name of a phase")] | None = None


@dataclass(frozen=True)
class Occurrence:
    """Once that a fault is on."""

    name: str
    """The fault's own for the first, then ``name#2``, ``name#3``, …"""
    at_s: float
    """Seconds after the load begins."""
    for_s: float


@dataclass(frozen=True)
class _Stretch:
    """The part of the load in which a fault may be on."""

    begin_s: float
    end_s: float
    words: str
    """What it is, for an error."""


def occurrences(
    name: str, timing: Timing, *, phases: Sequence[Phase], load_s: float, seed: int, at: str
) -> tuple[Occurrence, ...]:
    """Every time that the fault is on, in order; they never overlap.

    Without ``times`` it comes as often as it is over before its phase, or the load of ``load_s``
    seconds, ends; but once at least: whether that fits is the timeline's to check. Its jitter is
    drawn from ``seed`` and the name of the occurrence. ``at`` is the place of the table in an
    error. Raises :class:`UsageError`.
    """
    stretch = _stretch(timing, phases, load_s, at)
    first_s, for_s = _first(timing, stretch, at)
    _check_repeats(name, timing, for_s, at)
    count = _count(timing, first_s, for_s, stretch, at)
    allowed_s = (stretch.begin_s, stretch.end_s - for_s)
    found = []
    for index in range(count):
        own = name if index == 0 else f"{name}#{index + 1}"
        begin_s = first_s + index * (timing.every_s or 0.0)
        if timing.jitter_s:
            begin_s = _moved(begin_s, timing.jitter_s, allowed_s, stream(seed, "jitter", own))
        found.append(Occurrence(own, round(begin_s, 6), for_s))
    last = found[-1]
    if timing.phase is not None and last.at_s + for_s > stretch.end_s + _ROUNDING_S:
        raise UsageError(
            f"{at}: {last.name!r} ends {last.at_s + for_s - stretch.begin_s:g} s after"
            f" {stretch.words} begins, which lasts {stretch.end_s - stretch.begin_s:g} s; allowed:"
            " an end within it"
        )
    return tuple(found)


def _stretch(timing: Timing, phases: Sequence[Phase], load_s: float, at: str) -> _Stretch:
    if timing.phase is None:
        return _Stretch(0.0, load_s, "the load")
    for phase in phases:
        if phase.name == timing.phase:
            return _Stretch(phase.at_s, phase.end_s, f"phase {phase.name!r}")
    hint = near(timing.phase, [phase.name for phase in phases])
    raise UsageError(f"{at}.phase: unknown phase {timing.phase!r}; {hint}")


def _first(timing: Timing, stretch: _Stretch, at: str) -> tuple[float, float]:
    """When it first begins, before any jitter, and how long it lasts each time."""
    if timing.phase is None and timing.at_s is None:
        raise missing(Timing, "at_s", at)
    first_s = stretch.begin_s + (timing.at_s or 0.0)
    if timing.for_s is not None:
        return first_s, timing.for_s
    if timing.phase is None:
        raise missing(Timing, "for_s", at)
    for key in ("every_s", "jitter_s"):
        if getattr(timing, key):
            raise UsageError(
                f"{at}.for_s: missing; without it {stretch.words} is filled to its end, which"
                f" leaves {key} no room"
            )
    if first_s >= stretch.end_s:
        raise UsageError(
            f"{at}.at_s: {timing.at_s:g} is not within {stretch.words}; allowed: less than"
            f" {stretch.end_s - stretch.begin_s:g}"
        )
    return first_s, round(stretch.end_s - first_s, 6)


def _check_repeats(name: str, timing: Timing, for_s: float, at: str) -> None:
    if timing.every_s is None:
        if timing.times is not None:
            raise UsageError(f"{at}.times: has no effect without every_s; give it, or leave it out")
        return
    if "#" in name:
        raise UsageError(
            f"{at}.name: {name!r}: with every_s the numbers come by themselves; allowed: a name"
            " without #"
        )
    needed_s = round(for_s + 2 * timing.jitter_s, 6)
    if timing.every_s < needed_s:
        why = " and two times jitter_s" if timing.jitter_s else ""
        raise UsageError(
            f"{at}.every_s: {timing.every_s:g} lets it overlap itself; allowed: {needed_s:g}"
            f" (for_s{why}) or more"
        )


def _count(timing: Timing, first_s: float, for_s: float, stretch: _Stretch, at: str) -> int:
    if timing.every_s is None:
        return 1
    if timing.times is not None:
        return timing.times
    more = (stretch.end_s - first_s - for_s + _ROUNDING_S) / timing.every_s
    if more >= MOST:
        raise UsageError(
            f"{at}.every_s: {timing.every_s:g} repeats it more than {MOST} times; allowed: more"
            " seconds, or times"
        )
    return 1 + max(0, math.floor(more))


def _moved(begin_s: float, jitter_s: float, allowed_s: tuple[float, float], rng: Random) -> float:
    """Somewhere around ``begin_s`` that is allowed, each place as likely; where it was, if that
    itself is not."""
    lowest_s, highest_s = allowed_s
    if not lowest_s <= begin_s <= highest_s:
        return begin_s
    earliest_s = max(begin_s - jitter_s, lowest_s)
    latest_s = min(begin_s + jitter_s, highest_s)
    drawn_s = round(rng.uniform(earliest_s, latest_s), 3)  # for people: no moment is that exact
    return min(max(drawn_s, earliest_s), latest_s)
