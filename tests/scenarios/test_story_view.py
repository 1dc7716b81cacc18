"""A story as it is printed: width, faults beside the lines, colours only where they belong."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from reports.story.line import Line
from reports.story.story import Span, Story
from scenarios.story_view import print_story

STORY = Story(
    user=3,
    headline="User 3",
    summary="sent 1 message",
    faults=(Span(fault="a", begin_s=1.0, end_s=5.0), Span(fault="b", begin_s=4.0, end_s=9.0)),
    lines=(
        Line(at_s=0.5, kind="send", text='sends "' + "안녕하세요 " * 30 + '"'),
        Line(at_s=2.0, kind="fault", tone="fault", text="fault a begins"),
        Line(at_s=4.5, kind="row", tone="bad", text="✗ " + "bad [red] " * 20, focus=True),
        Line(at_s=8.0, kind="row", text="later"),
    ),
    notes=("one file is damaged",),
)


def printed(*, terminal: bool = False, width: int = 100) -> str:
    file = io.StringIO()
    print_story(STORY, Console(file=file, force_terminal=terminal, width=width))
    return file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal_or_a_hundred_columns(width: int) -> None:
    assert max(cell_len(line) for line in printed(width=width).splitlines()) <= min(width, 100)


def test_each_fault_has_its_own_bar_beside_the_lines_of_its_time() -> None:
    found = {line[:15] for line in printed().splitlines() if " s " in line[:14]}

    assert found == {
        "    +0.500 s   ",
        "    +2.000 s ┃ ",
        "    +4.500 s ┃┃",
        "    +8.000 s  ┃",
    }


def test_brackets_in_a_text_are_no_markup() -> None:
    assert "bad [red] bad [red]" in printed()


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")

    assert "\x1b[" not in printed()
    assert "\x1b[31m" in printed(terminal=True) or "\x1b[1;31m" in printed(terminal=True)


def test_no_color_keeps_colours_away_from_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")

    assert not {"\x1b[31m", "\x1b[1;31m", "\x1b[1;35m"} & set(printed(terminal=True).split(" "))
    assert ";31m" not in printed(terminal=True)
