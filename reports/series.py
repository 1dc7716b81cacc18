"""The curves and points that the figures draw, from the evidence."""

from __future__ import annotations

from typing import Literal

import numpy as np

from harness.records import Path, SendEnded, SendStarted
from reports.evidence import Evidence
from reports.metrics.transport import per_second, transport
from reports.model import Point, Series
from reports.spans import Floats, Spans, minus, union

MOST_POINTS = 3000
_PATHS: dict[int, Literal["realtime", "poll", "api"]] = {
    Path.REALTIME: "realtime",
    Path.POLL: "poll",
    Path.API: "api",
}


def draw_series(evidence: Evidence) -> Series:
    """One-second bins over the whole run, from the moment the load begins."""
    history, presence = evidence.history, evidence.presence
    zero_s = history.begin_s
    seconds = max(int(np.ceil(history.end_s - zero_s)), 0)
    moments = transport(evidence)
    page, polling = union(presence.page.clipped(-np.inf, np.inf)), union(presence.fallback)
    live = minus(union(presence.live), polling)
    dark = minus(minus(page, polling), live)
    sends = np.array([e.t_s for e in history.events.of(SendStarted)], dtype=np.float64)
    timeouts = [e.t_s for e in history.events.of(SendEnded) if e.outcome == "timeout"]

    def counted(t_s: Floats) -> tuple[int, ...]:
        return tuple(per_second(t_s, zero_s, seconds).tolist())

    def users(spans: Spans) -> tuple[float, ...]:
        return tuple(occupancy(spans, zero_s, seconds).round(6).tolist())

    return Series(
        deliveries=_points(evidence),
        second_s=tuple(float(second) for second in range(seconds)),
        users_live=users(live),
        users_fallback=users(polling),
        users_dark=users(dark),
        polls=counted(moments.polls.t_s),
        reconnects=counted(moments.reconnects.t_s),
        sends=counted(sends),
        send_timeouts=counted(np.array(timeouts, dtype=np.float64)),
    )


def occupancy(spans: Spans, zero_s: float, seconds: int) -> Floats:
    """How many stretches are open in each second after ``zero_s``, as the mean over it."""
    edges: Floats = zero_s + np.arange(seconds + 1, dtype=np.float64)
    open_s: Floats = _elapsed(spans.begin_s, edges) - _elapsed(spans.end_s, edges)
    return np.diff(open_s)


def _elapsed(starts: Floats, at_s: Floats) -> Floats:
    """Seconds since all those starts that are over at each moment, summed up."""
    ordered = np.sort(starts)
    total = np.concatenate([[0.0], np.cumsum(ordered)])
    over = np.searchsorted(ordered, at_s)
    elapsed: Floats = over * at_s - total[over]
    return elapsed


def _points(evidence: Evidence) -> tuple[Point, ...]:
    """The slowest delivery of each second and path, and an even choice of the others."""
    ledger, zero_s = evidence.ledger, evidence.history.begin_s
    drawn = ledger.expected & (ledger.copies > 0) & np.isin(ledger.shown_by, list(_PATHS))
    at_s, path = ledger.committed_s[drawn] - zero_s, ledger.shown_by[drawn]
    delay_s = ledger.delay_s[drawn]
    second = np.floor(at_s).astype(np.int64)
    order = np.lexsort((-delay_s, path, second))
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (np.diff(second[order]) != 0) | (np.diff(path[order].astype(np.int64)) != 0)
    slowest, others = order[first], order[~first]
    room = max(MOST_POINTS - len(slowest), 0)
    if len(others) > room:
        others = others[np.linspace(0, len(others) - 1, room).astype(np.int64)]
    chosen = np.sort(np.concatenate([slowest, others]))
    return tuple(
        Point(float(at_s[i]), float(delay_s[i]), _PATHS[int(path[i])])
        for i in chosen[np.argsort(at_s[chosen], kind="stable")]
    )
