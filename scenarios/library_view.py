"""``chatquake list``: the library by purpose, for people and for scripts."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text as Styled

from harness.runsettings import RedTwin, Shortened, Text
from scenarios.constants import told
from scenarios.model import Purpose, library_names, load_scenario
from scenarios.terminal import PLAIN_WIDTH

HEADINGS: dict[Purpose | None, str] = {
    "reference": "To measure and compare with",
    "trial": "Trials: what the owners of the chat asked for (T1 to T5)",
    "hazard": "Hazards: where the owners' plan itself may fail (H1 to H10)",
    "field": "The field: what others saw go wrong in production",
    None: "Without a purpose",
}

_MOST_IDS = 17
"""Columns for ids; more of them go into further lines."""


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario of the library; ``--json`` prints it as it is."""

    name: str
    purpose: Purpose | None
    title: Text
    shows: tuple[str, ...]
    expect: Text | None
    users: int
    duration_s: float
    full_length_s: float
    """How long it takes with ``--full-length``."""
    shortened: tuple[Shortened, ...]
    """The constants that are not shortened then."""
    red_twin: RedTwin
    faults: tuple[str, ...]


def listed() -> list[Listed]:
    """The whole library, by name. Raises :class:`UsageError` for one that lacks a form."""
    return [_listed(name) for name in library_names()]


def print_library(found: Sequence[Listed], console: Console) -> None:
    """A table for each purpose, with columns that go on from one to the next."""
    name = max(len(each.name) for each in found)
    shows = min(_MOST_IDS, max(len(" ".join(each.shows)) for each in found))
    for purpose, heading in HEADINGS.items():
        group = [each for each in found if each.purpose == purpose]
        if group:
            console.print(Styled(heading, style="bold"))
            console.print(_table(group, name, shows, min(console.width, PLAIN_WIDTH)))
            console.print()
    console.print("T, S, R, F, O and H are rules and hazards of the chat: docs/chat-rules.md")


def _table(group: Sequence[Listed], name: int, shows: int, width: int) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.width = width
    table.add_column(width=name, no_wrap=True, style="cyan")
    table.add_column(ratio=1)
    table.add_column(width=shows)
    table.add_column(width=5, no_wrap=True, justify="right")
    for each in group:
        lasts = f"{each.duration_s:g} s"
        table.add_row(each.name, each.title.en, " ".join(each.shows), lasts)
    return table


def _listed(name: str) -> Listed:
    scenario = load_scenario(name)
    twin = load_scenario(name, red_twin=True).variant.red_twin
    assert twin is not None
    return Listed(
        name=name,
        purpose=scenario.purpose,
        title=scenario.title,
        shows=scenario.shows,
        expect=scenario.expect,
        users=scenario.load.users,
        duration_s=scenario.duration_s,
        full_length_s=load_scenario(name, full_length=True).duration_s,
        shortened=told(scenario.shortened, scenario.access_token_lifetime_s),
        red_twin=twin,
        faults=tuple(fault.name for fault in scenario.faults),
    )
