"""A story on a terminal: time, faults beside it, and what happened, in at most 100 columns."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from reports.story.line import Line, Tone
from reports.story.story import Span, Story
from reports.story.words import moment

WIDTH = 100
_MIN_WIDTH = 40
_TIME_CELLS = 12
_STYLES: dict[Tone, str] = {
    "plain": "",
    "good": "green",
    "bad": "red",
    "warning": "yellow",
    "quiet": "dim",
    "fault": "bold magenta",
}
_BAR, _EDGE = "┃", "━━"


def print_story(story: Story, console: Console) -> None:
    """Print it line by line; whoever closes the pipe (``| head``) has seen enough."""
    try:
        for line in story_lines(story, console):
            # Rich itself would end the process with 1, which is the code of a failed run.
            with console.capture() as captured:
                console.print(line, soft_wrap=True)
            console.file.write(captured.get())
        console.file.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def story_lines(story: Story, console: Console) -> Iterator[Text]:
    """The lines as they are printed. Colours are the console's to use or not."""
    width = max(_MIN_WIDTH, min(WIDTH, console.width))
    yield from _wrapped(Text(), Text(story.headline, style="bold"), console, width)
    yield from _wrapped(Text("  "), Text(story.summary), console, width)
    if story.message:
        yield Text()
        yield from _wrapped(Text(), Text(story.message[0], style="bold"), console, width)
        for sentence in story.message[1:]:
            yield from _wrapped(Text("  "), Text(sentence), console, width)
    yield Text()
    lanes = _lanes(story.faults)
    beside = f"; {_BAR} stands beside a fault on this user's path" if lanes else ""
    heading = f"seconds after the load begins{beside}"
    yield from _wrapped(Text(), Text(heading, style="dim"), console, width)
    for line in story.lines:
        yield from _wrapped(_margin(line, lanes), _body(line), console, width)
    if not story.lines:
        yield Text("nothing is recorded here")
    for note in story.notes:
        yield from _wrapped(Text("note: "), Text(note, style="yellow"), console, width)


def _lanes(faults: tuple[Span, ...]) -> list[list[Span]]:
    """Faults that overlap stand in different columns."""
    lanes: list[list[Span]] = []
    for fault in faults:
        lane = next((lane for lane in lanes if lane[-1].end_s <= fault.begin_s), None)
        if lane is None:
            lanes.append([fault])
        else:
            lane.append(fault)
    return lanes


def _margin(line: Line, lanes: list[list[Span]]) -> Text:
    margin = Text(f"{moment(line.at_s):>{_TIME_CELLS}} ")
    if line.tone == "quiet":
        margin.stylize("dim")
    for lane in lanes:
        on = any(fault.begin_s <= line.at_s <= fault.end_s for fault in lane)
        margin.append(_BAR if on else " ", style="bold magenta")
    margin.append(" " if lanes else "")
    return margin


def _body(line: Line) -> Text:
    style = _STYLES[line.tone]
    text = Text(f"{_EDGE} {line.text} {_EDGE}" if line.kind == "fault" else line.text, style=style)
    if line.focus:
        text.stylize("bold")
        return Text("▶ ", style="bold cyan").append_text(text)
    return text


def _wrapped(margin: Text, body: Text, console: Console, width: int) -> Iterator[Text]:
    """The body beside its margin; what goes on below keeps the bars and not the time."""
    room = width - margin.cell_len
    below = Text(" " * min(margin.cell_len, _TIME_CELLS + 1))
    if margin.cell_len > _TIME_CELLS + 1:
        below.append_text(margin[_TIME_CELLS + 1 :])
    for number, part in enumerate(body.wrap(console, room)):
        part.rstrip()
        yield (below if number else margin).copy().append_text(part)
