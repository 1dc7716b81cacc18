"""The audit a second time: slow, with plain loops, straight from the product's sentences.

It shares no code with ``reports`` but the input, so that a mistake must be made twice to hide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from harness.records import (
    Delivery,
    Event,
    FallbackOff,
    FallbackOn,
    Fate,
    OnlineChanged,
    PageClosed,
    PageOpened,
    Path,
    SendEnded,
    SendStarted,
    VisibilityChanged,
)
from tests.support.small_history import (
    BEGIN_S,
    END_S,
    FROZEN_AFTER_S,
    LATE_AFTER_S,
    LOAD_ENDS_S,
    Raw,
)

NEVER = math.inf


@dataclass
class Page:
    user: int
    room: int
    cohort: str
    opened_s: float
    closed_s: float
    switches: list[Event] = field(default_factory=list)

    def hidden_at(self, t_s: float) -> bool:
        hidden = False
        for event in self.switches:
            if isinstance(event, VisibilityChanged) and event.t_s <= t_s:
                hidden = not event.visible
        return hidden

    def offline_at(self, t_s: float) -> bool:
        offline = False
        for event in self.switches:
            if isinstance(event, OnlineChanged) and event.t_s <= t_s:
                offline = not event.online
        return offline

    def polling_at(self, t_s: float) -> bool:
        polling = False
        for event in self.switches:
            if isinstance(event, FallbackOn | FallbackOff) and event.t_s <= t_s:
                polling = isinstance(event, FallbackOn)
        return polling and self.opened_s <= t_s < self.closed_s

    @property
    def eligible(self) -> bool:
        """On a grid of half seconds, the settling phase up to its last second."""
        steps = int(2 * (END_S - 1 - LOAD_ENDS_S))
        times = [LOAD_ENDS_S + step / 2 for step in range(steps)]
        away = any(self.hidden_at(t) or self.offline_at(t) for t in times)
        return self.closed_s >= END_S and not away


@dataclass
class Pair:
    kind: str
    expected: bool
    copies: int
    committed_s: float
    planned_s: float
    shown_s: float
    suppressed: tuple[int, int, int]
    """API+Realtime of the sender, Realtime+poll, others."""
    missing: tuple[float, float]
    """From commit to shown, withdrawn, or the page's end, if the page was open at the commit."""


def pages(raw: Raw) -> dict[int, Page]:
    found: dict[int, Page] = {}
    for event in raw.events:
        if isinstance(event, PageOpened):
            found[event.user] = Page(event.user, event.room, event.cohort, event.t_s, END_S)
    for event in raw.events:
        if isinstance(event, PageClosed) and event.t_s < END_S - 1:
            found[event.user].closed_s = event.t_s
        if isinstance(event, VisibilityChanged | OnlineChanged | FallbackOn | FallbackOff):
            found[event.user].switches.append(event)
    return found


def ledger(raw: Raw) -> dict[tuple[str, int], Pair]:
    """Every pair of message (by id) and receiver that the ledger should hold."""
    found: dict[tuple[str, int], Pair] = {}
    for send in raw.plan:
        key = send.client_msg_id
        rows = {c.row_id for c in raw.commits if c.op == "INSERT" and c.client_msg_id == key}
        if not rows:
            continue
        times = [c.committed_s for c in raw.commits if c.op == "INSERT" and c.row_id in rows]
        withdrawn = [c.committed_s for c in raw.commits if c.op != "INSERT" and c.row_id in rows]
        bubble = any(
            key in (*event.pending, *event.failed)
            for event in raw.events
            if isinstance(event, PageClosed)
        )
        for page in pages(raw).values():
            arrived = [d for d in raw.deliveries if d.user == page.user and d.row_id in rows]
            watching = page.room == send.room and page.opened_s <= min(times) < page.closed_s
            if watching or arrived:
                found[key, page.user] = _pair(
                    page,
                    arrived,
                    own=page.user == send.user,
                    bubble=bubble,
                    watching=watching,
                    committed_s=min(times),
                    withdrawn_s=min(withdrawn, default=NEVER),
                    planned_s=BEGIN_S + send.at_s,
                )
    return found


def _pair(
    page: Page,
    arrived: list[Delivery],
    *,
    own: bool,
    bubble: bool,
    watching: bool,
    committed_s: float,
    withdrawn_s: float,
    planned_s: float,
) -> Pair:
    shown = [d for d in arrived if d.fate != Fate.SUPPRESSED]
    copies = len(shown) + (1 if shown and own and bubble else 0)
    shown_s = shown[0].t_s if shown else NEVER
    normal = realtime_poll = other = 0
    for delivery in arrived:
        if delivery.fate == Fate.SUPPRESSED:
            pair = {shown[0].path if shown else None, delivery.path}
            if own and pair == {Path.API, Path.REALTIME}:
                normal += 1
            elif pair == {Path.REALTIME, Path.POLL}:
                realtime_poll += 1
            else:
                other += 1
    judged = watching and page.eligible and (bool(shown) or committed_s < END_S - 1)
    if not shown:
        withdrawn = withdrawn_s < END_S
        kind = "unjudged" if not judged else "withdrawn" if withdrawn else "lost"
        expected = judged and not withdrawn
    else:
        expected = judged
        if copies > 1:
            kind = "visible_duplicate"
        elif judged and shown_s - committed_s > LATE_AFTER_S:
            kind = "late"
        else:
            kind = "suppressed_duplicate" if realtime_poll + other else "once"
    gone_s = min(shown_s, withdrawn_s, page.closed_s) if watching else committed_s
    return Pair(
        kind,
        expected,
        copies,
        committed_s,
        planned_s,
        shown_s,
        (normal, realtime_poll, other),
        (committed_s, gone_s),
    )


def frozen_s(raw: Raw, user: int, begin_s: float, end_s: float) -> float:
    """Half seconds in which the visible page lacked a message that was due."""
    page = pages(raw)[user]
    missing = [pair.missing for (_, who), pair in ledger(raw).items() if who == user]
    total = 0.0
    for half in range(int(2 * begin_s), int(2 * end_s)):
        t_s = half / 2
        due = any(begin + FROZEN_AFTER_S <= t_s < end for begin, end in missing)
        total += 0.5 if due and not page.hidden_at(t_s) else 0.0
    return total


def percentile(values: list[float], percent: int) -> float:
    """The smallest value such that at least that many percent are not greater."""
    for value in sorted(values):
        if 100 * sum(v <= value for v in values) >= percent * len(values):
            return value
    raise ValueError("no values")


def sends(raw: Raw) -> dict[str, list[tuple[float, SendEnded | None]]]:
    """For each message its requests: when each started and how it ended."""
    found: dict[str, list[tuple[float, SendEnded | None]]] = {}
    for event in raw.events:
        if isinstance(event, SendStarted):
            ends = [
                e
                for e in raw.events
                if isinstance(e, SendEnded)
                and (e.client_msg_id, e.attempt) == (event.client_msg_id, event.attempt)
            ]
            found.setdefault(event.client_msg_id, []).append((event.t_s, ends[0] if ends else None))
    return found
