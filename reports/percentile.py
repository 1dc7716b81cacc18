"""Percentiles of durations of which some never ended, and intervals by cluster bootstrap.

One definition everywhere: nearest rank, the smallest sample such that at least ``p`` percent of
all samples are not greater. What never ended ranks after everything that was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.spans import Floats, Ints

RESAMPLES = 200
_BINS = 384
_TAIL_BINS = 128
_MOST_CLUSTERS = 300
_LEVELS = (0.025, 0.975)


@dataclass(frozen=True)
class Durations:
    """Samples in seconds; inf for what never ended."""

    values: Floats
    floors: Floats
    """For what never ended: how long it is known to have lasted. Ignored for the others."""
    clusters: Ints
    """The cluster (room or user) of each sample, for the bootstrap; small, not negative."""

    def where(self, chosen: NDArray[np.bool_]) -> Durations:
        """The chosen samples."""
        return Durations(self.values[chosen], self.floors[chosen], self.clusters[chosen])


@dataclass(frozen=True)
class Quantile:
    """A percentile; ``beyond``: it falls among what never ended and is longer than ``value``."""

    value: float
    beyond: bool
    interval: tuple[float, float] | None


def rank(count: int, percent: float) -> int:
    """Position of the nearest-rank percentile among ``count`` sorted samples, from 0."""
    # Whole numbers, so that 99% of 100 is 99 and no rounding error makes it 100.
    return max(-(-round(percent * 1000) * count // 100_000), 1) - 1


def bound_s(samples: Durations) -> float:
    """What everything that never ended is longer than.

    The greatest measured, or the time that each of them is known to have lasted, if greater.
    """
    ended = np.isfinite(samples.values)
    longest = float(samples.values[ended].max()) if ended.any() else 0.0
    floor = float(samples.floors[~ended].min()) if not ended.all() else 0.0
    return max(longest, floor)


def percentile(values: Floats, percent: float) -> float:
    """The nearest-rank percentile of samples in any order.

    Raises :class:`ValueError` for no samples.
    """
    if not len(values):
        raise ValueError("no samples have no percentile")
    at = rank(len(values), percent)
    return float(np.partition(values, at)[at])


def quantiles(samples: Durations, percents: tuple[float, ...], seed: int) -> tuple[Quantile, ...]:
    """Percentiles with 95% intervals; 100 is the maximum and has none.

    Raises :class:`ValueError` for no samples.
    """
    if not len(samples.values):
        raise ValueError("no samples have no percentile")
    order = np.argsort(samples.values)
    ordered = samples.values[order]
    ends = _interval_ends(ordered, samples.clusters[order], percents, seed)
    bound = bound_s(samples)
    found = []
    for percent, end in zip(percents, ends, strict=True):
        value = float(ordered[rank(len(ordered), percent)])
        beyond = bool(np.isinf(value))
        interval = None
        if percent < 100 and end is not None:
            # An end among what never ended is no number; the bound is what can be said.
            interval = (min(end[0], bound), min(end[1], bound))
        found.append(Quantile(bound if beyond else value, beyond, interval))
    return tuple(found)


def ratio_interval(
    numerator: Floats, denominator: Floats, clusters: Ints, seed: int
) -> tuple[float, float] | None:
    """95% interval of ``sum(numerator) / sum(denominator)``; ``None`` with one cluster."""
    cluster, count = _numbered(clusters)
    if count < 2:
        return None
    weights = _weights(count, seed)
    top = weights @ np.bincount(cluster, numerator, minlength=count)
    bottom = weights @ np.bincount(cluster, denominator, minlength=count)
    ratios = np.sort(top[bottom > 0] / bottom[bottom > 0])
    if not len(ratios):
        return None
    low, high = (float(ratios[rank(len(ratios), 100 * level)]) for level in _LEVELS)
    return low, high


def _interval_ends(
    ordered: Floats, clusters: Ints, percents: tuple[float, ...], seed: int
) -> list[tuple[float, float] | None]:
    """Bootstrap over clusters, on bins of about equally many samples, finer in the slowest 5%.

    The bins bound the cost whatever the number of samples; an end is exact to one bin.
    """
    cluster, count = _numbered(clusters)
    if count < 2:
        return [None for _ in percents]
    shares = np.append(np.linspace(0, 1, _BINS), np.linspace(0.95, 1, _TAIL_BINS))
    tops = np.unique(ordered[(shares * (len(ordered) - 1)).astype(np.int64)])
    sizes = np.diff(np.searchsorted(ordered, tops, side="right"), prepend=0)
    place = np.repeat(np.arange(len(tops)), sizes)
    table = np.bincount(cluster * len(tops) + place, minlength=count * len(tops))
    sums = np.cumsum(_weights(count, seed) @ table.reshape(count, len(tops)), axis=1)
    ends: list[tuple[float, float] | None] = []
    for percent in percents:
        need = sums[:, -1:] * (percent / 100)
        found = np.sort(tops[np.argmax(sums >= need - 1e-9, axis=1)])
        low, high = (float(found[rank(len(found), 100 * level)]) for level in _LEVELS)
        ends.append((low, high))
    return ends


def _numbered(clusters: Ints) -> tuple[Ints, int]:
    """Clusters numbered from 0, and how many; very many are joined, which bounds the cost."""
    numbers = np.cumsum(np.bincount(clusters) > 0)
    count = min(int(numbers[-1]), _MOST_CLUSTERS) if len(numbers) else 0
    return (numbers[clusters] - 1) % max(count, 1), count


def _weights(clusters: int, seed: int) -> Floats:
    """How often each cluster is drawn in each resample."""
    rng = np.random.default_rng(seed)
    even = np.full(clusters, 1 / clusters)
    return rng.multinomial(clusters, even, size=RESAMPLES).astype(np.float64)
