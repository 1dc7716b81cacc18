"""What stood wrongly on screens: lines that the server has changed since, and their order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.records import Fate, LineChanged, PageClosed
from reports.evidence import Evidence
from reports.metrics.cells import CellMaker, Unit
from reports.model import RUN, Cell
from reports.percentile import Durations
from reports.presence import position
from reports.spans import Floats, Ints

_STATS = ("p50", "p90", "max")

UNITS: dict[str, Unit] = {
    "stale_rows": "messages",
    **{f"stale_s.{stat}": "s" for stat in _STATS},
    "out_of_order": "messages",
}


@dataclass(frozen=True)
class Stale:
    """Changes of rows beside the screens on which the rows stood, as columns of equal length."""

    user: Ints
    """Position in ``History.users``."""
    changed_s: Floats
    """When the change was committed."""
    followed_s: Floats
    """When the line followed it; inf: never."""
    known_until_s: Floats
    """How long it could have: until the page closed, or the row was changed once more."""
    is_last: NDArray[np.bool_]
    """No later change of the row: a line that did not follow this one is stale."""


def stale_lines(evidence: Evidence) -> Stale:
    """Pair every UPDATE and DELETE with the users who had the row on their screen then."""
    changes = _changes(evidence)
    followed = _followed(evidence)
    closed_s = evidence.presence.closed_s
    found: list[tuple[int, float, float, float, bool]] = []
    for (user, row_id), shown_s in _first_shown(evidence, changes).items():
        moments = changes[row_id]
        for number, changed_s in enumerate(moments):
            if not shown_s <= changed_s < closed_s[user]:
                continue
            is_last = number == len(moments) - 1
            next_s = np.inf if is_last else moments[number + 1]
            moment_s = next(
                (t_s for t_s in followed[user, row_id] if changed_s <= t_s < next_s), np.inf
            )
            known_s = min(float(closed_s[user]), next_s)
            found.append((user, changed_s, moment_s, known_s, is_last))
    columns = list(zip(*found, strict=True)) if found else [()] * 5
    return Stale(
        user=np.array(columns[0], dtype=np.int64),
        changed_s=np.array(columns[1], dtype=np.float64),
        followed_s=np.array(columns[2], dtype=np.float64),
        known_until_s=np.array(columns[3], dtype=np.float64),
        is_last=np.array(columns[4], dtype=np.bool_),
    )


def screen_cells(evidence: Evidence, make: CellMaker, stale: Stale) -> list[Cell]:
    """All figures of this module in one window and cohort."""
    here = make.scope.users[stale.user] & make.scope.contains(stale.changed_s)
    took = Durations(
        stale.followed_s[here] - stale.changed_s[here],
        stale.known_until_s[here] - stale.changed_s[here],
        evidence.clusters[stale.user[here]],
    )
    left = here & stale.is_last & np.isinf(stale.followed_s)
    cells = [
        make.count(
            "stale_rows", int(left.sum()), int((here & stale.is_last).sum()), unit="messages"
        ),
        *make.durations("stale_s", took, _STATS),
    ]
    if make.scope.window.name == RUN:  # a page says it once, at its end
        cells.append(_out_of_order(evidence, make))
    return cells


def _out_of_order(evidence: Evidence, make: CellMaker) -> Cell:
    closed = evidence.history.events.frame(PageClosed).drop_duplicates("user", keep="last")
    user = position(evidence.history.users, closed["user"].to_numpy(np.int64))
    users = np.append(make.scope.users, False)  # a position of -1 reads this last one
    here = users[user]
    inversions = closed["inversions"].to_numpy(np.int64)[here]
    return make.count("out_of_order", int(inversions.sum()), int(here.sum()), unit="messages")


def _changes(evidence: Evidence) -> dict[int, list[float]]:
    """When each row was changed or deleted, in commit order."""
    commits = evidence.history.commits
    commits = commits[commits["op"] != "INSERT"]
    moments: dict[int, list[float]] = defaultdict(list)
    for row_id, committed_s in zip(commits["row_id"], commits["committed_s"], strict=True):
        moments[int(row_id)].append(float(committed_s))
    return moments


def _followed(evidence: Evidence) -> Mapping[tuple[int, int], Sequence[float]]:
    """When lines changed, by user and row, in time order."""
    events = evidence.history.events.of(LineChanged)
    users = position(evidence.history.users, np.array([e.user for e in events], dtype=np.int64))
    moments: dict[tuple[int, int], list[float]] = defaultdict(list)
    for user, event in zip(users, events, strict=True):
        moments[int(user), event.row_id].append(event.t_s)
    return moments


def _first_shown(
    evidence: Evidence, changes: Mapping[int, Sequence[float]]
) -> dict[tuple[int, int], float]:
    """When each changed row first stood on each screen."""
    shown = evidence.history.deliveries
    shown = shown[(shown["fate"] != Fate.SUPPRESSED) & shown["row_id"].isin(list(changes))]
    users = position(evidence.history.users, shown["user"].to_numpy(np.int64))
    first: dict[tuple[int, int], float] = {}
    # Deliveries are in time order.
    for user, row_id, t_s in zip(users, shown["row_id"], shown["t_s"], strict=True):
        if user >= 0:
            first.setdefault((int(user), int(row_id)), float(t_s))
    return first
