"""When somebody in a room wants to write: six shapes, each from scenario and seed alone.

Where the rate changes with time the moments are an inhomogeneous Poisson process, made by
thinning (Lewis and Shedler 1979): candidates come at the highest rate, and each is kept with the
probability ``rate(t) / highest``. So a moment costs two draws, whatever the shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import cos, tau
from random import Random

from scenarios.demand import Load

Rate = Callable[[float], float]
"""Messages a second in one room, by the seconds since the load began."""


def arrivals(load: Load, load_s: float, rng: Random) -> Iterator[float]:
    """The moments at which somebody in one room wants to write, rising, within ``load_s``.

    ``recorded`` moments come as they are written, those after the end included: a send that was
    asked for is accounted for, even where the load was cut short.
    """
    match load.arrivals:
        case "recorded":
            yield from load.recorded_s or ()
        case "constant":
            yield from _constant(load.base, load_s, rng)
        case "poisson":
            yield from _poisson(load.base, load_s, rng)
        case "ramp" | "diurnal" | "bursts":
            yield from _thinned(rate_of(load, load_s), load.highest, load_s, rng)


def rate_of(load: Load, load_s: float) -> Rate:
    """The rate of those shapes that have one: all but ``recorded``."""
    base, more = load.base, load.highest - load.base
    match load.arrivals:
        case "ramp":
            return lambda at_s: base + more * at_s / load_s
        case "diurnal":
            return lambda at_s: base + more * (1.0 - cos(tau * at_s / load_s)) / 2.0
        case "bursts":
            every_s, lasts_s = load.burst_every_s or load_s, load.burst_lasts_s or 0.0
            return lambda at_s: (
                load.highest if at_s >= every_s and at_s % every_s < lasts_s else base
            )
        case _:
            return lambda _: base


def _constant(rate: float, load_s: float, rng: Random) -> Iterator[float]:
    """Equal gaps after a phase drawn for the room, so that the rooms are not in step."""
    gap_s = 1.0 / rate
    phase_s, count = rng.random() * gap_s, 0
    while (at_s := phase_s + count * gap_s) < load_s:
        yield at_s
        count += 1


def _poisson(rate: float, load_s: float, rng: Random) -> Iterator[float]:
    at_s = rng.expovariate(rate)
    while at_s < load_s:
        yield at_s
        at_s += rng.expovariate(rate)


def _thinned(rate: Rate, highest: float, load_s: float, rng: Random) -> Iterator[float]:
    for at_s in _poisson(highest, load_s, rng):
        if rng.random() * highest < rate(at_s):
            yield at_s
