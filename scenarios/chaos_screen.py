"""Where ``chatquake chaos`` writes: lines above a footer on a terminal, else lines alone."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from scenarios.chaos_view import Language, Shown, State, as_json, footer, lines


class Screen(AbstractContextManager["Screen"], Protocol):
    def show(self, shown: Shown) -> None: ...

    def foot(self, state: State) -> None:
        """What is on now; asked for or not."""
        ...


class LineScreen:
    """Lines for a pipe or a log, in words or as JSON; each is out at once."""

    def __init__(self, language: Language, *, as_json: bool) -> None:
        self._language = language
        self._as_json = as_json

    def show(self, shown: Shown) -> None:
        for line in [as_json(shown)] if self._as_json else lines(shown, self._language):
            typer.echo(line)

    def foot(self, state: State) -> None:
        """A log has no place for it."""

    def __enter__(self) -> LineScreen:
        return self

    def __exit__(self, *_exc: object) -> None:
        return None


class FootedScreen:
    """Lines that scroll, above those that always say what is on, once there is something."""

    def __init__(self, console: Console, language: Language) -> None:
        self._language = language
        self._console = console
        self._live: Live | None = None
        self._footer = ""

    def show(self, shown: Shown) -> None:
        for line in lines(shown, self._language):
            # Whole, so that an address can be clicked and copied.
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def foot(self, state: State) -> None:
        text = footer(state, self._language)
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        if text != self._footer:
            self._footer = text
            self._live.update(Text(text, style="bold cyan"), refresh=True)

    def __enter__(self) -> FootedScreen:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._live is not None:
            self._live.stop()


def screen_for(console: Console, language: Language, *, as_json: bool) -> Screen:
    """The screen that suits the console."""
    if console.is_terminal and not as_json:
        return FootedScreen(console, language)
    return LineScreen(language, as_json=as_json)
