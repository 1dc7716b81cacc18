"""Every request that sent a message: what its sender looked at meanwhile, and how it ended.

A message that failed and was sent again (S5) is one message with several attempts. Each is a
stretch of "sending…" of its own.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.records import (
    PageClosed,
    PageOpened,
    SendEnded,
    SendStarted,
    SpinnerOff,
    VisibilityChanged,
)
from reports.history import History
from reports.presence import END_SLACK_S
from reports.spans import Floats, Ints


@dataclass(frozen=True)
class Attempts:
    """Columns of equal length, in order of their starts."""

    message: Ints
    """Position in ``Messages.table``."""
    number: Ints
    """1 for the first with its ``client_msg_id``; from 2 on the person sent it again."""
    started_s: Floats
    acked_s: Floats
    """Its success answer; inf: never."""
    ended_s: Floats
    """The end of its request; the end of the audit where none is known."""
    spinner_off_s: Floats
    """The bubble no longer said "sending…"; inf: it did as long as is known."""
    page_closed_s: Floats
    """When the page with the bubble closed; the end of the audit for one open until then."""
    stuck: NDArray[np.bool_]
    """The bubble said "sending…" to the end: of the run, or of a page that closed before, when its
    sender had looked at it for longer than the time-out of the policy (S3)."""
    left: NDArray[np.bool_]
    """It said so when its page closed before the end of the run, and not yet for so long."""


def attempts_of(history: History, message: Ints, patience_s: Floats) -> Attempts:
    """``message``: of each :class:`SendStarted` in the history, -1 for those that are none;
    ``patience_s``: by message, how long "sending…" may last."""
    starts = history.events.frame(SendStarted).assign(message=message)
    starts = starts[starts["message"] >= 0].reset_index(drop=True)
    closed = history.events.frame(PageClosed)
    pending = closed.explode("pending").rename(columns={"pending": "client_msg_id"})
    begun_s = _floats(starts["t_s"])
    following_s = _floats(starts.groupby("client_msg_id")["t_s"].shift(-1, fill_value=np.inf))
    off_s = _next(starts, history.events.frame(SpinnerOff), "client_msg_id")
    closed_s = _next(starts, closed, "user")
    spins = np.isinf(off_s) & (closed_s < following_s)
    spins &= _next(starts, pending.dropna(subset=["client_msg_id"]), "client_msg_id") == closed_s
    # A page without a closing record was cut with the run.
    spins |= np.isinf(off_s) & np.isinf(closed_s) & np.isinf(following_s)
    at_end = closed_s >= history.end_s - END_SLACK_S
    message = starts["message"].to_numpy(np.int64)
    looked_s = _looked_s(history, starts["user"], begun_s, np.minimum(closed_s, history.end_s))
    waited = at_end | (looked_s > patience_s[message])
    ended = history.events.frame(SendEnded).drop_duplicates(["client_msg_id", "attempt"])
    ended = starts.merge(ended, on=["client_msg_id", "attempt"], how="left", suffixes=("", "_end"))
    ended_s, good = _floats(ended["t_s_end"]), (ended["outcome"] == "ok").to_numpy(np.bool_)
    return Attempts(
        message=message,
        number=starts["attempt"].to_numpy(np.int64),
        started_s=begun_s,
        acked_s=np.where(good, ended_s, np.inf),
        ended_s=np.nan_to_num(ended_s, nan=history.end_s),
        spinner_off_s=off_s,
        page_closed_s=np.minimum(closed_s, history.end_s),
        stuck=spins & waited,
        left=spins & ~waited,
    )


def _looked_s(history: History, user: pd.Series[int], begin_s: Floats, end_s: Floats) -> Floats:
    """How much of each stretch the user's page was in front. A frozen page ends no spinner, and
    nobody sees it."""
    opened = [(e.t_s, e.user, True) for e in history.events.of(PageOpened)]  # a page is in front
    changes = [(e.t_s, e.user, e.visible) for e in history.events.of(VisibilityChanged)]
    switches: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for changed_s, whose, is_in_front in sorted([*opened, *changes], key=itemgetter(0)):
        switches[whose].append((changed_s, is_in_front))
    looked_s = end_s - begin_s
    for place, who in enumerate(user):
        hidden_s, since_s = 0.0, np.inf
        for t_s, visible in (*switches.get(who, ()), (np.inf, True)):
            if visible and since_s < np.inf:
                overlap_s = min(t_s, end_s[place]) - max(since_s, begin_s[place])
                hidden_s += max(overlap_s, 0.0)
                since_s = np.inf
            elif not visible:
                since_s = min(since_s, t_s)
        looked_s[place] -= hidden_s
    return looked_s


def _next(starts: pd.DataFrame, events: pd.DataFrame, by: str) -> Floats:
    """The first event of the same ``by`` at or after each start; inf: none."""
    right = events[["t_s", by]].assign(next_s=events["t_s"]).astype({by: starts[by].dtype})
    found = pd.merge_asof(starts[["t_s", by]], right, on="t_s", by=by, direction="forward")
    return np.nan_to_num(_floats(found["next_s"]), nan=np.inf)


def _floats(column: object) -> Floats:
    return np.asarray(column, dtype=np.float64)
