"""How a figure becomes a cell: one way for counts, one for rates, one for durations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reports.model import Cell
from reports.percentile import Durations, quantiles, ratio_interval
from reports.spans import Floats, Ints
from reports.windows import Scope

Unit = Literal["s", "1", "1/s", "messages", "count"]

STATS: dict[str, float] = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0}
"""Percentiles by the name they have in a metric; the maximum is the hundredth."""


@dataclass(frozen=True)
class CellMaker:
    """Writes the cells of one window and cohort."""

    scope: Scope
    seed: int

    def figure(
        self,
        metric: str,
        value: float | None,
        unit: Unit,
        n: int,
        *,
        numerator: float | None = None,
        denominator: float | None = None,
        interval: tuple[float, float] | None = None,
    ) -> Cell:
        """A plain figure; null where nothing is behind it."""
        return Cell(
            metric=metric,
            window=self.scope.window.name,
            cohort=self.scope.window.cohort,
            value=None if n == 0 and not value else value,
            unit=unit,
            n=n,
            numerator=numerator,
            denominator=denominator,
            interval=interval,
        )

    def count(self, metric: str, value: int, n: int, unit: Unit = "count") -> Cell:
        """A number of things among ``n`` that could have been; null where ``n`` is 0."""
        return self.figure(metric, float(value), unit, n)

    def rate(self, metric: str, hits: Floats, of: Floats, clusters: Ints) -> Cell:
        """``sum(hits) / sum(of)`` over samples with ``of > 0``, with its interval."""
        numerator, denominator = float(hits.sum()), float(of.sum())
        return self.figure(
            metric,
            numerator / denominator if denominator else None,
            "1",
            int(np.count_nonzero(of)),
            numerator=numerator,
            denominator=denominator,
            interval=ratio_interval(hits, of, clusters, self.seed),
        )

    def durations(
        self, metric: str, samples: Durations, stats: Sequence[str] = tuple(STATS)
    ) -> list[Cell]:
        """The percentiles of some durations, ``metric.p50`` and so on."""
        n = len(samples.values)
        if not n:
            return [self.figure(f"{metric}.{stat}", None, "s", 0) for stat in stats]
        found = quantiles(samples, tuple(STATS[stat] for stat in stats), self.seed)
        return [
            Cell(
                metric=f"{metric}.{stat}",
                window=self.scope.window.name,
                cohort=self.scope.window.cohort,
                value=quantile.value,
                unit="s",
                n=n,
                beyond=quantile.beyond,
                interval=quantile.interval,
            )
            for stat, quantile in zip(stats, found, strict=True)
        ]
