"""When things were, on the time axis that all figures share: seconds after the load begins."""

from __future__ import annotations

import re

from reports.model import Audit, Point

_PLAIN_NAME = re.compile(r"[A-Za-z0-9 _.:#-]{1,28}")


def fault_label(name: str, number: int) -> str:
    """The fault's name if a picture can carry it, else ``#number``; the page tells which."""
    return name if _PLAIN_NAME.fullmatch(name) else f"#{number}"


def measured_spans(audit: Audit) -> tuple[tuple[float, float, str], ...]:
    """Begin, end (seconds after the load begins) and label of every fault that was measured."""
    zero = audit.settings.load_begins_at_s
    if zero is None:
        return ()
    return tuple(
        (
            receipt.first_effect_s - zero,
            end_of_fault_s(audit, receipt.healed_s) - zero,
            fault_label(receipt.fault, number),
        )
        for number, receipt in enumerate(audit.receipts, start=1)
        if receipt.first_effect_s is not None
    )


def slowest_of_each_second(deliveries: tuple[Point, ...]) -> tuple[tuple[int, float], ...]:
    """For each second with deliveries: when it begins, and its longest delay in seconds."""
    slowest: dict[int, float] = {}
    for point in deliveries:
        second = int(point.at_s // 1)
        slowest[second] = max(slowest.get(second, 0.0), point.delay_s)
    return tuple(sorted(slowest.items()))


def end_of_fault_s(audit: Audit, healed_s: float | None) -> float:
    """A fault that was never seen to heal lasts until the end of the run."""
    zero = audit.settings.load_begins_at_s or 0.0
    return healed_s if healed_s is not None else zero + time_range(audit)[1]


def time_range(audit: Audit) -> tuple[float, float]:
    """Seconds after the load begins that the pictures show: to the end of the run."""
    settings = audit.settings
    if settings.load_begins_at_s is None:
        return 0.0, settings.duration_s
    if settings.ended_at_s is None:
        last = max(audit.series.second_s, default=settings.duration_s)
        return 0.0, max(last, 1.0)
    return 0.0, max(settings.ended_at_s - settings.load_begins_at_s, 1.0)
