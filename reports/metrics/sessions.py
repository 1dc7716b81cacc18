"""Access tokens and what became of them (H9). An event belongs to the window of its instant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.records import ChannelChanged, SignedOut, TokenRefreshed, TokenRefreshFailed
from reports.evidence import Evidence
from reports.metrics.cells import CellMaker, Unit
from reports.metrics.transport import Moments, moments_of
from reports.model import Cell

ENDED_BY_SERVER = "ended by the server"
"""The reason of a channel that is closed, and not by its own page (``harness.client.channel``)."""

UNITS: dict[str, Unit] = {
    "channels_ended": "count",
    "token_refreshes": "count",
    "token_refresh_failures": "count",
    "sign_outs": "count",
}


@dataclass(frozen=True)
class Sessions:
    """The instants behind the figures of this module, over the whole run."""

    channels_ended: Moments
    refreshes: Moments
    failures: Moments
    sign_outs: Moments
    tokens_end: bool
    """Somebody renewed a token or tried to; without that there is nothing to count."""


def sessions(evidence: Evidence) -> Sessions:
    """Read the instants from the events."""
    events = evidence.history.events
    refreshed, failed = events.of(TokenRefreshed), events.of(TokenRefreshFailed)
    ended = [
        (e.t_s, e.user)
        for e in events.of(ChannelChanged)
        if e.status == "closed" and e.reason == ENDED_BY_SERVER
    ]
    return Sessions(
        channels_ended=moments_of(evidence, ended),
        refreshes=moments_of(evidence, [(e.t_s, e.user) for e in refreshed]),
        failures=moments_of(evidence, [(e.t_s, e.user) for e in failed if not e.again]),
        sign_outs=moments_of(evidence, [(e.t_s, e.user) for e in events.of(SignedOut)]),
        tokens_end=bool(refreshed or failed),
    )


def session_cells(evidence: Evidence, make: CellMaker, seen: Sessions) -> list[Cell]:
    """All figures of tokens in one window and cohort."""
    scope = make.scope
    page = evidence.presence.page.clipped(scope.window.begin_s, scope.window.end_s)
    pages = int(np.count_nonzero(page.seconds(len(scope.users))[scope.users]))
    counted = {"channels_ended": seen.channels_ended}
    if seen.tokens_end:
        counted |= {
            "token_refreshes": seen.refreshes,
            "token_refresh_failures": seen.failures,
            "sign_outs": seen.sign_outs,
        }
    return [make.count(name, len(at.inside(scope)), pages) for name, at in counted.items()]
