"""What a run looks like while it goes on: a panel on a terminal, plain lines elsewhere.

The rendering functions are pure; :class:`LiveScreen`, :class:`PlainScreen` and
:class:`QuietScreen` only keep the last state and write. Colours never stand alone: every state
has its word.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from scenarios.progress import Failed, Finished, Note, Progress, Tick

PLAIN_PERIOD_S = 5.0
"""Without a terminal, a line this often."""
NOTES_SHOWN = 6
BAR_WIDTH = 40

LOG_WIDTH = 120
"""Columns of what is written into a file or a pipe, which have no width of their own."""
PLAIN_WIDTH = 80
"""Columns there of what is meant to be read as a page."""

_NOTE_STYLE = {"info": "dim", "fault": "bold magenta", "error": "bold red"}


@dataclass(frozen=True)
class View:
    """All that a screen needs to know of a run."""

    title: str
    tick: Tick | None = None
    notes: tuple[Note, ...] = ()
    """The latest :data:`NOTES_SHOWN`."""
    ended: Finished | Failed | None = None


def advance(view: View, progress: Progress) -> View:
    """The view after one more piece of progress."""
    match progress:
        case Tick():
            return replace(view, tick=progress)
        case Note():
            return replace(view, notes=(*view.notes, progress)[-NOTES_SHOWN:])
        case Finished() | Failed():
            return replace(view, ended=progress)


def panel(view: View) -> RenderableType:
    """The view as one panel for a live terminal."""
    tick = view.tick
    if tick is None:
        body: list[RenderableType] = [Text("preparing …")]
    else:
        body = [_headline(tick), users_bar(tick, BAR_WIDTH), _counts(tick)]
    body += [Text(note_line(note), style=_NOTE_STYLE[note.level]) for note in view.notes]
    return Panel(Group(*body), title=Text(view.title, style="bold"), title_align="left")


def users_bar(tick: Tick, width: int) -> Text:
    """Users as a bar: live, in fallback, neither; with the numbers in words behind it."""
    dark = users_dark(tick)
    shares = (tick.users_live, tick.users_fallback, dark)
    live_w, fallback_w, dark_w = _widths(shares, width)
    bar = Text()
    bar.append("█" * live_w, style="green")
    bar.append("▓" * fallback_w, style="yellow")
    bar.append("░" * dark_w, style="red")
    bar.append(f"  {tick.users_live} live", style="green")
    bar.append(f" · {tick.users_fallback} polling", style="yellow")
    bar.append(f" · {dark} neither", style="red" if dark else "dim")
    return bar


def users_dark(tick: Tick) -> int:
    """Users with their page open who neither receive live nor poll."""
    return max(0, tick.users_open - tick.users_live - tick.users_fallback)


def plain_line(tick: Tick) -> str:
    """One line for a log."""
    faults = f" fault={','.join(tick.faults)}" if tick.faults else ""
    return (
        f"[{tick.elapsed_s:5.1f}s] {tick.phase}: {tick.users_live} live, "
        f"{tick.users_fallback} polling, {users_dark(tick)} neither; {tick.sends} sent, "
        f"{tick.send_timeouts} timed out, {tick.deliveries} shown, {tick.polls} polls; "
        f"{max(0.0, tick.left_s):.0f} s left{faults}"
    )


def note_line(note: Note) -> str:
    """One line for a log or the panel; the level is said in a word where it matters."""
    word = {"info": "", "fault": "fault: ", "error": "error: "}[note.level]
    return f"[{note.t_s:5.1f}s] {word}{note.text}"


def line_is_due(last: Tick | None, tick: Tick) -> bool:
    """Whether a log wants this tick: every :data:`PLAIN_PERIOD_S`, and when the phase changes."""
    if last is None or last.phase != tick.phase:
        return True
    return tick.elapsed_s - last.elapsed_s >= PLAIN_PERIOD_S


class Screen(AbstractContextManager["Screen"], Protocol):
    """Where a run's progress goes. Used as a context manager around the run."""

    @property
    def view(self) -> View: ...

    def show(self, progress: Progress) -> None: ...


class LiveScreen:
    """A panel that is drawn again with each piece of progress."""

    def __init__(self, console: Console, title: str) -> None:
        self.view = View(title)
        self._live = Live(panel(self.view), console=console, auto_refresh=False, transient=True)

    def show(self, progress: Progress) -> None:
        self.view = advance(self.view, progress)
        self._live.update(panel(self.view), refresh=True)

    def __enter__(self) -> LiveScreen:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.__exit__(exc_type, exc, traceback)


class PlainScreen:
    """Lines for a log or a pipe."""

    def __init__(self, console: Console, title: str) -> None:
        self.view = View(title)
        self._console = console
        self._last: Tick | None = None

    def show(self, progress: Progress) -> None:
        self.view = advance(self.view, progress)
        if isinstance(progress, Note):
            self._write(note_line(progress))
        elif isinstance(progress, Tick) and line_is_due(self._last, progress):
            self._last = progress
            self._write(plain_line(progress))

    def __enter__(self) -> PlainScreen:
        self._write(self.view.title)
        return self

    def __exit__(self, *_exc: object) -> None:
        return None

    def _write(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class QuietScreen:
    """Keeps the view and writes nothing."""

    def __init__(self, title: str) -> None:
        self.view = View(title)

    def show(self, progress: Progress) -> None:
        self.view = advance(self.view, progress)

    def __enter__(self) -> QuietScreen:
        return self

    def __exit__(self, *_exc: object) -> None:
        return None


def standard_console(log_width: int = LOG_WIDTH) -> Console:
    """Standard output: as wide as the terminal, or ``log_width`` where it has no width."""
    console = Console()
    return console if console.is_terminal else Console(width=log_width)


def screen_for(console: Console, title: str, *, quiet: bool) -> Screen:
    """The screen that suits the console."""
    if quiet:
        return QuietScreen(title)
    return LiveScreen(console, title) if console.is_terminal else PlainScreen(console, title)


def _headline(tick: Tick) -> Text:
    line = Text()
    line.append(tick.phase, style="bold cyan")
    line.append(f"  {tick.elapsed_s:.0f} s, {max(0.0, tick.left_s):.0f} s left")
    if tick.faults:
        line.append(f"  fault on: {', '.join(tick.faults)}", style="bold magenta")
    return line


def _counts(tick: Tick) -> Table:
    table = Table.grid(padding=(0, 3))
    timeouts_style = "red" if tick.send_timeouts else "dim"
    table.add_row(
        Text(f"{tick.users_open:,} pages open"),
        Text(f"{tick.sends:,} sent"),
        Text(f"{tick.send_timeouts:,} timed out", style=timeouts_style),
        Text(f"{tick.deliveries:,} shown"),
        Text(f"{tick.polls:,} polls"),
    )
    return table


def _widths(counts: tuple[int, ...], width: int) -> list[int]:
    """``width`` cells shared out by largest remainder; all zero when there is nobody."""
    total = sum(counts)
    if total == 0:
        return [0] * len(counts)
    cells = [width * count // total for count in counts]
    rest = sorted(range(len(counts)), key=lambda i: -(width * counts[i] % total))
    for index in rest[: width - sum(cells)]:
        cells[index] += 1
    return cells
