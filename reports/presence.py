"""Who was there when, and in what state, from the clients' own records.

Users are named by their position in ``History.users`` throughout the audit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.records import (
    ChannelChanged,
    FallbackOff,
    FallbackOn,
    OnlineChanged,
    PageClosed,
    PageOpened,
    SocketClosed,
    VisibilityChanged,
)
from reports.history import History
from reports.spans import Floats, Ints, Spans, from_switches

END_SLACK_S = 1.0
"""Pages close one after the other at the very end; within this they all count as the end."""


@dataclass(frozen=True)
class Presence:
    """Each user's page and the states of it, all within the page's life."""

    opened_s: Floats
    closed_s: Floats
    """When the page closed; the end of the audit for those open until then."""
    eligible: NDArray[np.bool_]
    """Open until the end, and visible and online throughout the settling phase."""
    page: Spans
    hidden: Spans
    fallback: Spans
    live: Spans
    """Rows flow over Realtime, as far as the page knows."""


def position(users: pd.DataFrame, user: pd.Series[int] | NDArray[np.int64]) -> Ints:
    """Positions of user indices in ``History.users``; -1 for users that never opened a page."""
    return np.asarray(pd.Index(users["user"]).get_indexer(pd.Index(user)), dtype=np.int64)


def observe(history: History) -> Presence:
    """Read the states from the events."""
    events, end_s = history.events, history.end_s
    count = len(history.users)
    opened_s = history.users["opened_s"].to_numpy(np.float64)
    closed_s = _closed(history)
    page = Spans(np.arange(count, dtype=np.int64), opened_s, closed_s)
    hidden = [(e.t_s, e.user, False) for e in events.of(PageOpened)]  # a new page is in front
    hidden += [(e.t_s, e.user, not e.visible) for e in events.of(VisibilityChanged)]
    offline = [(e.t_s, e.user, not e.online) for e in events.of(OnlineChanged)]
    fallback = [(e.t_s, e.user, True) for e in events.of(FallbackOn)]
    fallback += [(e.t_s, e.user, False) for e in events.of(FallbackOff)]
    live = [(e.t_s, e.user, e.status == "live") for e in events.of(ChannelChanged)]
    live += [(e.t_s, e.user, False) for e in events.of(SocketClosed)]
    away = _spans(history, page, hidden), _spans(history, page, offline)
    settling = _settle_begins(history), end_s - END_SLACK_S
    away_s = sum(spans.clipped(*settling).seconds(count) for spans in away)
    return Presence(
        opened_s=opened_s,
        closed_s=closed_s,
        eligible=(closed_s >= end_s) & (away_s == 0),
        page=page,
        hidden=away[0],
        fallback=_spans(history, page, fallback),
        live=_spans(history, page, live),
    )


def _closed(history: History) -> Floats:
    """A page without a closing record was cut with the run: it counts as open to the end."""
    users = history.users
    last = np.full(len(users), -np.inf)
    closed = history.events.frame(PageClosed)
    at = position(users, closed["user"].to_numpy(np.int64))
    known = at >= 0
    np.maximum.at(last, at[known], closed["t_s"].to_numpy(np.float64)[known])
    gone = (last >= users["opened_s"].to_numpy(np.float64)) & (last < history.end_s - END_SLACK_S)
    return np.where(gone, last, history.end_s)


def _settle_begins(history: History) -> float:
    ends_s = history.settings.load_ends_at_s
    return ends_s if ends_s is not None else history.end_s - history.settings.settle_s


def _spans(history: History, page: Spans, switches: list[tuple[float, int, bool]]) -> Spans:
    """Stretches of "on" from ``(t_s, user, on)``, inside the users' pages."""
    switches.sort(key=lambda switch: switch[0])
    owner = position(history.users, np.array([user for _, user, _ in switches], dtype=np.int64))
    known = owner >= 0
    spans = from_switches(
        owner[known],
        np.array([t_s for t_s, _, _ in switches], dtype=np.float64)[known],
        np.array([on for _, _, on in switches], dtype=np.bool_)[known],
        history.end_s,
    )
    return spans.clipped(page.begin_s[spans.owner], page.end_s[spans.owner])
