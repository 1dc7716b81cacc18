"""A measured number with what it counts, and as many digits as a reader can use."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10
from typing import Literal

from reports.model import Cell

Kind = Literal["seconds", "share", "ratio", "per_second", "count", "messages", "mebibytes"]


@dataclass(frozen=True)
class Quantity:
    """A value to be said in some language; ``None`` where there is none."""

    value: float | None
    kind: Kind
    beyond: bool = False
    """It is longer than ``value``; by how much was not seen."""


def kind_of(metric: str, unit: str) -> Kind:
    """How a metric's values are said; ``unit`` as in :class:`reports.model.Cell`.

    A dimensionless figure is a share (printed in percent) when its name says so, else a ratio
    such as requests for each message.
    """
    base = metric.partition(".")[0]
    if unit == "1":
        return "share" if base.endswith(("_rate", "_share")) else "ratio"
    if unit == "s":
        return "seconds"
    if unit == "1/s":
        return "per_second"
    return "messages" if unit == "messages" else "count"


def of_cell(cell: Cell | None, *, otherwise: Kind = "count") -> Quantity:
    """The value of a cell; a missing one is a quantity without value of kind ``otherwise``."""
    if cell is None:
        return Quantity(None, otherwise)
    return Quantity(cell.value, kind_of(cell.metric, cell.unit), cell.beyond)


def digits(value: float, kind: Kind) -> str:
    """The digits alone, with separators for thousands: ``8.1``, ``0.045``, ``2,310``."""
    if kind == "share":
        value = round(value * 100, 9)
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.{_decimals(value, kind)}f}"


def _decimals(value: float, kind: Kind) -> int:
    """Two significant digits below 1, one decimal up to 100, none above; seconds stop at ms."""
    size = abs(value)
    if size >= 100:
        return 0
    if size >= 1 or size == 0:
        return 1
    wanted = 1 - floor(log10(size))
    return min(wanted, 3 if kind == "seconds" else 4)
