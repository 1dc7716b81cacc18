"""A life as lines, in order of time."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from harness import records as kinds
from reports.story import rows, sends, surroundings, tokens
from reports.story.life import Fault, Life, Told, UnknownEvent
from reports.story.line import Line, Piece, Quiet, line_of
from reports.story.memory import Memory
from reports.story.moments import Moment, moments, soon_over
from reports.story.words import many, moment, seconds, tamed

_ALONE = 2
"""So many quiet pieces in a row are told one by one; more in one line."""
_PAUSE_S = 10.0
"""A silence of this length shows as two lines."""

Teller = Callable[[Memory, Any, Moment], Iterator[Piece]]
_TELLERS: Mapping[type, Teller] = MappingProxyType(
    {
        kinds.PageOpened: surroundings.page_opened,
        kinds.PageClosed: surroundings.page_closed,
        kinds.VisibilityChanged: surroundings.visibility,
        kinds.OnlineChanged: surroundings.online,
        kinds.PersonActed: surroundings.acted,
        kinds.SendSkipped: sends.skipped,
        kinds.SendStarted: sends.started,
        kinds.SendEnded: sends.ended,
        kinds.RequestRepeated: sends.repeated,
        kinds.SpinnerOff: sends.spinner_off,
        kinds.ModerationStarted: surroundings.moderates,
        kinds.ModerationEnded: surroundings.moderated,
        kinds.SocketOpening: surroundings.socket_opening,
        kinds.SocketOpened: surroundings.socket_opened,
        kinds.SocketClosed: surroundings.socket_closed,
        kinds.ChannelChanged: surroundings.channel,
        kinds.TokenRefreshed: tokens.refreshed,
        kinds.TokenRefreshFailed: tokens.refresh_failed,
        kinds.SignedOut: tokens.signed_out,
        kinds.FallbackOn: surroundings.fallback_on,
        kinds.FallbackOff: surroundings.fallback_off,
        kinds.PollStarted: rows.poll_started,
        kinds.PollEnded: rows.poll_ended,
        kinds.Finding: surroundings.finding,
        kinds.Delivery: rows.delivered,
        kinds.LineChanged: rows.line_changed,
    }
)


def tell(
    life: Life,
    *,
    focus_rows: frozenset[int] = frozenset(),
    focus_id: str = "",
    between_s: tuple[float, float] = (-math.inf, math.inf),
) -> tuple[Line, ...]:
    """The story of a life, or its lines between two moments (seconds after the load begins).

    What is about the ``focus`` is never told together with anything else.
    """
    pieces = list(_pieces(life, focus_rows, focus_id))
    pieces += rows.missing(life, focus_rows)
    pieces += rows.doubled(life, focus_rows)
    pieces += _run(life)
    pieces += [line for fault in life.faults for line in _fault(life, fault)]
    pieces.sort(key=lambda piece: line_of(piece).at_s)
    begin_s, end_s = between_s
    return tuple(_gathered(p for p in pieces if begin_s <= line_of(p).at_s <= end_s))


def _pieces(life: Life, focus_rows: frozenset[int], focus_id: str) -> Iterator[Piece]:
    memory = Memory(
        life,
        focus_rows,
        focus_id,
        quick=soon_over(life.records),
        ended=frozenset(
            (record.client_msg_id, record.attempt)
            for record in life.records
            if isinstance(record, kinds.SendEnded)
        ),
    )
    for here in moments(life.records):
        for record in here:
            teller = _TELLERS.get(type(record), _unknown)
            yield from teller(memory, record, here)


def _unknown(memory: Memory, record: Told, _moment: Moment) -> Iterator[Piece]:
    """Whatever there is no sentence for yet."""
    if isinstance(record, UnknownEvent):
        name, fields = record.kind, dict(record.fields)
    else:
        fields = msgspec.to_builtins(record)
        name = str(fields.pop("kind", type(record).__name__))
    said = ", ".join(
        f"{key} {value}" for key, value in fields.items() if key not in ("t_s", "user")
    )
    text = tamed(name.replace("_", " ")) + (f": {tamed(said)}" if said else "")
    yield memory.line(record.t_s, "other", text)


def _run(life: Life) -> Iterator[Line]:
    """Where the run itself turns."""
    yield Line(at_s=0.0, kind="run", text="the load begins", tone="quiet")
    if life.load_ends_s is not None:
        at_s = life.load_ends_s - life.zero_s
        text = "the load ends; what is under way may still arrive"
        yield Line(at_s=at_s, kind="run", text=text, tone="quiet")
    yield Line(at_s=life.end_s - life.zero_s, kind="run", text="the run ends", tone="quiet")


def _fault(life: Life, fault: Fault) -> Iterator[Line]:
    says = f": {fault.sentence.rstrip('.')}" if fault.sentence else ""
    begin_s, end_s = fault.begin_s - life.zero_s, fault.end_s - life.zero_s
    if not fault.seen:
        text = f"fault {fault.name} is asked for, but no effect was seen{says}"
        yield Line(at_s=begin_s, kind="fault", text=text, tone="fault")
        return
    text = f"fault {fault.name} begins{says}"
    yield Line(at_s=begin_s, kind="fault", text=text, tone="fault")
    if fault.healed:
        text = (
            f"fault {fault.name} is healed, {seconds(fault.end_s - fault.begin_s)} after it began"
        )
        yield Line(at_s=end_s, kind="fault", text=text, tone="fault")


def _gathered(pieces: Iterable[Piece]) -> Iterator[Line]:
    """Long runs of quiet pieces as one line each."""
    run: list[Quiet] = []
    for piece in pieces:
        if run and not (isinstance(piece, Quiet) and _goes_on(run[-1], piece)):
            yield from _flushed(run)
            run = []
        if isinstance(piece, Quiet):
            run.append(piece)
        else:
            yield piece
    yield from _flushed(run)


def _goes_on(one: Quiet, next_one: Quiet) -> bool:
    row = ("row", "again")
    alike = one.what == next_one.what or (one.what in row and next_one.what in row)
    return alike and next_one.line.at_s - one.line.at_s <= _PAUSE_S


def _flushed(run: Sequence[Quiet]) -> Iterator[Line]:
    if len(run) <= _ALONE:
        yield from (piece.line for piece in run)
        return
    first, last = run[0].line, run[-1].line
    until = f" until {moment(last.at_s)}" if last.at_s - first.at_s >= 0.001 else ""
    tone = first.tone
    match run[0].what:
        case "poll":
            new = sum(piece.rows for piece in run)
            every = seconds((last.at_s - first.at_s) / (len(run) - 1))
            brings = f"bring {many(new, 'row')}" if new else "bring nothing new"
            text, tone = f"{len(run)} polls{until}, one every {every}, {brings}", "plain"
        case "late":
            text = f"✗ late: {len(run)} rows of others{until}, {_after(run, worst=True)}"
        case "missing":
            text = f"✗ never on this screen: {len(run)} rows committed from now on{until}"
        case _:
            what = _rows(run)
            comma = "," if until and "," in what else ""
            text = f"{what}{comma}{until}{_after(run)}"
    yield msgspec.structs.replace(first, text=text, tone=tone)


def _rows(run: Sequence[Quiet]) -> str:
    new = sum(piece.what == "row" for piece in run)
    by = " and ".join(sorted({piece.by for piece in run}))
    if not new:
        return f"{many(len(run), 'row')} again {by}, already on the screen"
    again = f", {len(run) - new} again" if new < len(run) else ""
    return f"{many(new, 'row')} of others {by}{again}"


def _after(run: Sequence[Quiet], *, worst: bool = False) -> str:
    """How long the rows took."""
    delays = [piece.delay_s for piece in run if piece.delay_s is not None]
    if not delays:
        return ""
    if worst:
        return f"{seconds(min(delays))} to {seconds(max(delays))} after commit"
    typical = seconds(statistics.median(delays))
    return f", {typical} (at most {seconds(max(delays))}) after commit"
