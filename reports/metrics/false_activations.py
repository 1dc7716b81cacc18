"""Polling that went on though nothing was wrong: the quiet room of H3, typically."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.commitlog import Subscription
from harness.receipts import Receipt
from reports.evidence import Evidence
from reports.spans import Floats, Ints, Spans, from_switches


def were_false(evidence: Evidence, t_s: Floats, user: Ints) -> NDArray[np.bool_] | None:
    """For each activation whether, at that moment, the server's own log has the user's session
    live and no fault was on its path. ``None``: the target keeps no such log."""
    history = evidence.history
    if not history.subscriptions:
        return None
    ids = {user_id: number for number, user_id in enumerate(history.users["user_id"])}
    live = _live_spans(history.subscriptions, ids, history.end_s)
    cohorts = history.users["cohort"].to_numpy(dtype=object)
    faulty = _faulty(history.receipts, cohorts, history.end_s)
    return np.array(
        [
            bool(_covers(live, owner, moment) and not _covers(faulty, owner, moment))
            for owner, moment in zip(user, t_s, strict=True)
        ],
        dtype=np.bool_,
    )


def _covers(spans: Spans, owner: int, t_s: float) -> bool:
    inside = (spans.owner == owner) & (spans.begin_s <= t_s) & (t_s < spans.end_s)
    return bool(inside.any())


def _live_spans(subscriptions: Sequence[Subscription], ids: dict[str, int], end_s: float) -> Spans:
    """When each user had a subscription on which rows flowed, by the server's own account.

    A socket that died may be missed by the server long after the user has the next one: it
    counts until then, but takes nothing away from the next.
    """
    flowing: Counter[int] = Counter()
    of_join: Counter[tuple[str, str, str]] = Counter()
    switches: list[tuple[int, float, bool]] = []
    for one in sorted(subscriptions, key=lambda each: each.t_s):
        owner = ids.get(one.user_id)
        if owner is None:
            continue
        join = (one.user_id, one.topic, one.join_ref)
        if one.what == "live":
            of_join[join] += 1
            flowing[owner] += 1
        elif one.what in ("left", "closed", "lost") and of_join[join]:
            of_join[join] -= 1
            flowing[owner] -= 1
        else:
            continue
        switches.append((owner, one.t_s, flowing[owner] > 0))
    return from_switches(
        np.array([owner for owner, _, _ in switches], dtype=np.int64),
        np.array([t_s for _, t_s, _ in switches], dtype=np.float64),
        np.array([on for _, _, on in switches], dtype=np.bool_),
        end_s,
    )


def _faulty(receipts: Sequence[Receipt], cohorts: NDArray[np.object_], end_s: float) -> Spans:
    """When a fault was on each user's path: from its application to its healing, as measured."""
    owners: list[int] = []
    begin_s: list[float] = []
    until_s: list[float] = []
    for receipt in receipts:
        hit = np.flatnonzero(np.isin(cohorts, list(receipt.cohorts)))
        applied_s = receipt.applied_s if receipt.applied_s is not None else receipt.planned_begin_s
        healed_s = receipt.healed_s if receipt.healed_s is not None else end_s
        owners += hit.tolist()
        begin_s += [applied_s] * len(hit)
        until_s += [healed_s] * len(hit)
    return Spans(np.array(owners, dtype=np.int64), np.array(begin_s), np.array(until_s))
