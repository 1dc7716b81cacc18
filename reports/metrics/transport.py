"""Polling and reconnecting. An event belongs to the window of its instant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.records import FallbackOn, PollStarted, SocketOpening
from reports.evidence import Evidence
from reports.metrics.cells import CellMaker, Unit
from reports.metrics.false_activations import were_false
from reports.model import Cell
from reports.presence import position
from reports.spans import Floats, Ints
from reports.windows import Scope

UNITS: dict[str, Unit] = {
    "fallback_activations": "count",
    "fallback_activations_per_minute": "count",
    "fallback_activations_per_session": "count",
    "fallback_false_activations": "count",
    "fallback_share": "1",
    "reconnect_attempts": "count",
    "reconnect_attempts.per_user": "count",
    "reconnect_attempts.peak_per_s": "1/s",
    "poll_rate": "1/s",
    "poll_rate.peak": "1/s",
}


@dataclass(frozen=True)
class Moments:
    """Instants and the users to whom they happened."""

    t_s: Floats
    user: Ints
    """Position in ``History.users``; never -1."""

    def inside(self, scope: Scope) -> Floats:
        """The instants of the window's users inside the window."""
        return self.t_s[scope.contains(self.t_s) & scope.users[self.user]]


@dataclass(frozen=True)
class Transport:
    """The instants behind the figures of this module, over the whole run."""

    activations: Moments
    false_activations: Moments | None
    """Those of them with which nothing was wrong; ``None``: nobody can tell."""
    reconnects: Moments
    polls: Moments


def transport(evidence: Evidence) -> Transport:
    """Read the instants from the events."""
    events = evidence.history.events
    activations = moments_of(evidence, [(e.t_s, e.user) for e in events.of(FallbackOn)])
    false = were_false(evidence, activations.t_s, activations.user)
    return Transport(
        activations=activations,
        false_activations=(
            None if false is None else Moments(activations.t_s[false], activations.user[false])
        ),
        reconnects=moments_of(
            evidence, [(e.t_s, e.user) for e in events.of(SocketOpening) if e.attempt > 1]
        ),
        polls=moments_of(evidence, [(e.t_s, e.user) for e in events.of(PollStarted)]),
    )


def transport_cells(evidence: Evidence, make: CellMaker, seen: Transport) -> list[Cell]:
    """All figures of polling and reconnecting in one window and cohort."""
    scope, zero_s = make.scope, evidence.history.begin_s
    count = len(scope.users)
    page = evidence.presence.page.clipped(scope.window.begin_s, scope.window.end_s)
    page_s = page.seconds(count)[scope.users]
    polling = evidence.presence.fallback.clipped(scope.window.begin_s, scope.window.end_s)
    polling_s = polling.seconds(count)[scope.users]
    sessions = int(np.count_nonzero(page_s))
    activations = len(seen.activations.inside(scope))
    false = seen.false_activations
    reconnects = seen.reconnects.inside(scope)
    polls = seen.polls.inside(scope)

    def each(metric: str, total: float, by: float, unit: Unit) -> Cell:
        value = total / by if by else None
        return make.figure(metric, value, unit, sessions, numerator=total, denominator=by)

    return [
        make.count("fallback_activations", activations, sessions),
        each("fallback_activations_per_minute", activations, scope.seconds / 60, "count"),
        each("fallback_activations_per_session", activations, sessions, "count"),
        *(
            [make.count("fallback_false_activations", len(false.inside(scope)), activations)]
            if false is not None
            else []
        ),
        make.rate("fallback_share", polling_s, page_s, evidence.clusters[scope.users]),
        make.count("reconnect_attempts", len(reconnects), sessions),
        each("reconnect_attempts.per_user", len(reconnects), sessions, "count"),
        make.figure("reconnect_attempts.peak_per_s", _peak(reconnects, zero_s), "1/s", sessions),
        each("poll_rate", len(polls), scope.seconds, "1/s"),
        make.figure("poll_rate.peak", _peak(polls, zero_s), "1/s", sessions),
    ]


def per_second(t_s: Floats, zero_s: float, seconds: int) -> Ints:
    """How many instants fall into each whole second after ``zero_s``."""
    second = np.floor(t_s - zero_s).astype(np.int64)
    second = second[(second >= 0) & (second < seconds)]
    return np.bincount(second, minlength=seconds).astype(np.int64)


def _peak(t_s: Floats, zero_s: float) -> float:
    seconds: NDArray[np.int64] = np.unique_counts(np.floor(t_s - zero_s)).counts
    return float(seconds.max(initial=0))


def moments_of(evidence: Evidence, found: list[tuple[float, int]]) -> Moments:
    """Instants and users as they are in records; users without a page are left out."""
    user = position(evidence.history.users, np.array([u for _, u in found], dtype=np.int64))
    t_s = np.array([t for t, _ in found], dtype=np.float64)
    return Moments(t_s[user >= 0], user[user >= 0])
