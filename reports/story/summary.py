"""A life in a sentence or two, for its top line."""

from __future__ import annotations

from collections import Counter

from harness.records import (
    Delivery,
    FallbackOff,
    FallbackOn,
    Fate,
    Path,
    SendSkipped,
    SendStarted,
    SocketOpening,
)
from reports.story.life import Life
from reports.story.rows import never_shown
from reports.story.words import many, seconds

_BY = ((Path.REALTIME, "by Realtime"), (Path.POLL, "by poll"), (Path.HISTORY, "from history"))


def summary(life: Life) -> str:
    """``Sent 2 messages, 2 committed; saw 24 of others (13 by Realtime, 11 by poll), none late;
    5 WebSocket attempts; polled for 10.9 s.``"""
    parts = [_sent(life), _saw(life), _socket(life)]
    polled_s = _polled_s(life)
    if polled_s > 0:
        parts.append(f"polled for {seconds(polled_s)}")
    return "; ".join(parts)


def _sent(life: Life) -> str:
    sent = {r.client_msg_id for r in life.records if isinstance(r, SendStarted)}
    skipped = sum(isinstance(record, SendSkipped) for record in life.records)
    committed = {row.client_msg_id for row in life.rows.values()}
    text = f"sent {many(len(sent), 'message')}"
    if sent:
        text += f", {len(sent & committed):,} committed"
    return text + (f", could not send {skipped:,}" if skipped else "")


def _saw(life: Life) -> str:
    by: Counter[int] = Counter()
    late, pages = 0, life.pages()
    for record in life.records:
        if isinstance(record, Delivery) and record.fate == Fate.SHOWN:
            by[int(record.path)] += 1
            row = life.rows.get(record.row_id)
            if row is not None and any(page.covers(row.committed_s) for page in pages):
                late += record.t_s - row.committed_s > life.late_after_s
    ways = [f"{by[path]:,} {how}" for path, how in _BY if by[path]]
    text = f"saw {by.total():,} of others" + (f" ({', '.join(ways)})" if ways else "")
    never = sum(row.author != life.user for row, _ in never_shown(life))
    text += f", {late:,} late" if late else ", none late"
    return text + (f", {never:,} never" if never else "")


def _socket(life: Life) -> str:
    count = sum(isinstance(record, SocketOpening) for record in life.records)
    return many(count, "WebSocket attempt")


def _polled_s(life: Life) -> float:
    total_s, since_s = 0.0, None
    for record in life.records:
        if isinstance(record, FallbackOn):
            since_s = record.t_s
        elif isinstance(record, FallbackOff) and since_s is not None:
            total_s, since_s = total_s + record.t_s - since_s, None
    return total_s + (life.end_s - since_s if since_s is not None else 0.0)
