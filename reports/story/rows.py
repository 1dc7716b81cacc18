"""Lines about rows that reach the screen, or do not, and about the polls that bring them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from harness.records import Delivery, Fate, LineChanged, Path, PollEnded, PollStarted, SpinnerOff
from reports.story.life import Life, Page, Row
from reports.story.line import Line, Piece, Quiet
from reports.story.memory import Memory
from reports.story.moments import QUICK_S, Moment
from reports.story.words import many, moment, quoted, seconds, short, tamed

BY = {
    Path.REALTIME: "by Realtime",
    Path.POLL: "by poll",
    Path.API: "by the answer",
    Path.HISTORY: "from history",
}
_CAUSES = {
    "period": "",
    "activation": " (the first of the fallback)",
    "return": " (on return)",
    "release": " (as the fallback ends)",
    "subscribed": " (as the channel goes live)",
    "probe": " (is a silent Realtime mute?)",
    "reread": " (the last rows once more)",
}
_NEVER_SLACK_S = 1.0
"""A row committed this shortly before the page closed had no time to come."""


def delivered(memory: Memory, row: Delivery, here: Moment) -> Iterator[Piece]:
    """A row by Realtime, or one that no request in the same moment brought."""
    if row.path == Path.HISTORY:
        together = [row, *here.take(Delivery, lambda d: d.path == Path.HISTORY)]
        memory.shown.update(d.row_id for d in together)
        text = f"the history brings {many(len(together), 'row')}"
        yield memory.line(row.t_s, "row", text)
        return
    yield _one(memory, row, here)


def _one(memory: Memory, row: Delivery, here: Moment) -> Piece:
    known = memory.life.rows.get(row.row_id)
    own = memory.own(known)
    match row.fate:
        case Fate.SHOWN:
            return _shown(memory, row, known, own=own)
        case Fate.SWAPPED:
            return _swapped(memory, row, known, here)
        case Fate.SUPPRESSED:
            whose = "own row" if own else "row"
            text = f"{whose} {row.row_id} again {_by(row)}: already on the screen"
            return _quiet(memory, row, text, "again")
        case _:
            text = f"row {row.row_id} {_by(row)}: fate {int(row.fate)}"
            return memory.line(row.t_s, "row", text, row_id=row.row_id)


def _shown(memory: Memory, row: Delivery, known: Row | None, *, own: bool) -> Piece:
    """A new line on the screen."""
    if row.row_id in memory.shown:
        text = f"✗ {_described(memory, row.row_id, known)} {_by(row)}: shown a second time"
        return memory.line(row.t_s, "row", text, "bad", row_id=row.row_id)
    memory.shown.add(row.row_id)
    delay_s = _delay(memory, row, known)
    after = f", {seconds(delay_s)} after its commit" if delay_s is not None else ""
    text = f"{_described(memory, row.row_id, known)} {_by(row)}{after}"
    if own and known is not None and memory.has_bubble(known.client_msg_id):
        # The bubble should have become the row: a second line of one's own message.
        mark = f"✗ {text}: shown beside the own bubble"
        return memory.line(row.t_s, "row", mark, "bad", row_id=row.row_id)
    if delay_s is not None and delay_s > memory.life.late_after_s:
        line = memory.line(row.t_s, "row", f"✗ late: {text}", "warning", row_id=row.row_id)
        return line if line.focus else Quiet(line, "late", delay_s=delay_s)
    return _quiet(memory, row, text, "row", delay_s)


def _swapped(memory: Memory, row: Delivery, known: Row | None, here: Moment) -> Line:
    key = known.client_msg_id if known else ""
    off = here.take(SpinnerOff, lambda other: other.client_msg_id == key)
    memory.shown.add(row.row_id)
    late = ", after the client had given up" if key in memory.gave_up else ""
    memory.gave_up.discard(key)
    spinner = "; the spinner ends" if off else ""
    about = f" (message {short(key)})" if key else ""
    text = f"✓ the bubble becomes row {row.row_id} {_by(row)}"
    text += f"{memory.since_send(key, row.t_s)}{late}{spinner}{about}"
    return memory.line(row.t_s, "row", text, "good", row_id=row.row_id, message=key)


def _quiet(
    memory: Memory,
    row: Delivery,
    text: str,
    what: Literal["row", "again"],
    delay_s: float | None = None,
) -> Piece:
    line = memory.line(row.t_s, "row", text, "quiet", row_id=row.row_id)
    if line.focus:
        return line
    return Quiet(line, what, delay_s=delay_s, by=_by(row))


def _described(memory: Memory, row_id: int, known: Row | None) -> str:
    if known is None:
        return f"row {row_id}, which the commit log does not know,"
    if memory.own(known):
        return f"own {quoted(known.body)} (row {row_id})"
    return f"{quoted(known.body)} {author(known)} (row {row_id})"


def author(row: Row) -> str:
    """``of user 7``."""
    return f"of user {row.author}" if row.author is not None else "of somebody else"


def _by(row: Delivery) -> str:
    return BY.get(row.path, f"by path {int(row.path)}")


def _delay(memory: Memory, row: Delivery, known: Row | None) -> float | None:
    """Commit to screen; ``None`` for what was there before the page."""
    if known is None or known.committed_s < memory.page_s:
        return None
    return row.t_s - known.committed_s


_CHANGED = {
    "edited": "shows another text now",
    "hidden": "is hidden now",
    "shown": "is shown again",
    "deleted": "is gone from the screen",
}


def line_changed(memory: Memory, event: LineChanged, _moment: Moment) -> Iterator[Line]:
    by = {Path.REALTIME: "by Realtime", Path.API: "by the answer"}.get(event.path, "by a poll")
    yield memory.line(
        event.t_s, "row", f"row {event.row_id} {_CHANGED[event.change]}, {by}", row_id=event.row_id
    )


def poll_started(memory: Memory, event: PollStarted, _moment: Moment) -> Iterator[Line]:
    memory.polls[event.poll] = event.t_s, event.cause
    if event not in memory.quick:
        text = f"poll {event.poll}{_cause(event.cause)} begins"
        yield memory.line(event.t_s, "poll", text)


def poll_ended(memory: Memory, event: PollEnded, here: Moment) -> Iterator[Piece]:
    begun_s, cause = memory.polls.pop(event.poll, (None, ""))
    slow_s = event.t_s - begun_s if begun_s is not None else 0.0
    after = f", after {seconds(slow_s)}" if slow_s > QUICK_S else ""
    which = f"poll {event.poll}{_cause(cause)}"
    if event.outcome != "ok":
        took = f" after {seconds(slow_s)}" if begun_s is not None else ""
        how = {"timeout": "gets no answer", "network": "fails: the network gave no answer"}
        text = f"✗ {which} {how.get(event.outcome, tamed(event.outcome.replace('_', ' ')))}{took}"
        yield memory.line(event.t_s, "poll", text, "bad")
        return
    brought = here.take(Delivery, lambda d: d.path == Path.POLL)
    pieces = [_one(memory, row, here) for row in brought]
    told = [p for p in pieces if isinstance(p, Line) or p.what == "late"]
    again = sum(isinstance(piece, Quiet) and piece.what == "again" for piece in pieces)
    new = len(pieces) - again
    delays = [_delay(memory, d, memory.life.rows.get(d.row_id)) for d in brought]
    text = f"{which} {_brings(new, again, [d for d in delays if d is not None])}{after}"
    line = memory.line(event.t_s, "poll", text, "plain" if new else "quiet")
    if told or slow_s > QUICK_S or cause not in ("", "period"):
        yield line
    else:
        yield Quiet(line, "poll", rows=new)
    yield from told


def _brings(new: int, again: int, delays: Sequence[float]) -> str:
    parts = []
    if new:
        parts.append(many(new, "row"))
    if again:
        parts.append(f"{many(again, 'row')} again")
    oldest = f", the oldest {seconds(max(delays))} after its commit" if new and delays else ""
    return f"brings {' and '.join(parts)}{oldest}" if parts else "brings nothing new"


def _cause(cause: str) -> str:
    return _CAUSES.get(cause, f" ({tamed(cause)})")


def never_shown(life: Life) -> Iterator[tuple[Row, Page]]:
    """Messages committed while a page was open, of which no page ever showed a row."""
    pages = life.pages()
    shown = {
        record.row_id
        for record in life.records
        if isinstance(record, Delivery) and record.fate in (Fate.SHOWN, Fate.SWAPPED)
    }
    seen = {_message(life.rows[row_id]) for row_id in shown & life.rows.keys()}
    for row in life.rows.values():
        page = next((p for p in pages if p.room == row.room and p.covers(row.committed_s)), None)
        if page is None or row.row_id in shown or _message(row) in seen:
            continue
        if page.closed_s - row.committed_s >= _NEVER_SLACK_S:
            yield row, page


def doubled(life: Life, focus_rows: frozenset[int]) -> Iterator[Line]:
    """Further rows of a message that has one already (S5)."""
    first: set[tuple[int | None, str]] = set()
    pages = life.pages()
    for row in life.rows.values():
        again = row.client_msg_id != "" and _message(row) in first
        first.add(_message(row))
        if again and any(p.room == row.room and p.covers(row.committed_s) for p in pages):
            text = f"✗ a second row of {quoted(row.body)} {author(row)} is committed: {row.row_id}"
            yield Line(
                at_s=row.committed_s - life.zero_s,
                kind="row",
                text=text,
                tone="warning",
                focus=row.row_id in focus_rows,
            )


def _message(row: Row) -> tuple[int | None, str]:
    """What two rows of one message have in common."""
    return row.author, row.client_msg_id or f"row {row.row_id}"


def missing(life: Life, focus_rows: frozenset[int]) -> Iterator[Piece]:
    """A piece for each row that was never shown, at its commit."""
    for row, page in never_shown(life):
        gone = ""
        if row.changed_s < page.closed_s:
            gone = f"; changed or deleted at {moment(row.changed_s - life.zero_s)}"
        what = f"{quoted(row.body)} {author(row)} (row {row.row_id}, committed now{gone})"
        line = Line(
            at_s=row.committed_s - life.zero_s,
            kind="row",
            text=f"✗ never on this screen: {what}",
            tone="bad",
            focus=row.row_id in focus_rows,
        )
        yield line if line.focus else Quiet(line, "missing")
