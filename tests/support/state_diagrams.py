"""The diagrams of docs/client-states.md, read and held against the tables in the code.

What differs is told as what to write: a diagram is a view of its table, never the other way about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

Table = Mapping[tuple[Any, Any], Any]

EVERY = "EVERY"
"""In a diagram: each of its states."""
_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_DIAGRAM = re.compile(r"^```mermaid\nstateDiagram-v2\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BULLET = re.compile(r"^- `(\w+)`: .{10,}", re.MULTILINE)
_START = re.compile(r"\[\*\] --> (\w+)")
_ARROW = re.compile(r"(\w+) --> (\w+): (\w+) \(([SRFH]\d+(?:, [SRFH]\d+)*)\)")
_LAYOUT = ("direction LR", f'state "every state" as {EVERY}')


@dataclass(frozen=True)
class Arrow:
    """A line of a diagram; ``at`` may be ``EVERY``."""

    at: str
    trigger: str
    to: str
    rules: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        return f"{self.at} --> {self.to}: {self.trigger} ({', '.join(self.rules) or 'RULE'})"


@dataclass(frozen=True)
class Diagram:
    """One section of the page."""

    starts: tuple[str, ...]
    arrows: tuple[Arrow, ...]
    strange: tuple[str, ...]
    """Lines that are no arrow of this form."""
    states: tuple[str, ...]
    """Explained below the diagram."""
    triggers: tuple[str, ...]


def read_diagrams(page: str) -> dict[str, Diagram]:
    """By the heading of their sections, in order."""
    headings = list(_SECTION.finditer(page))
    ends = [heading.start() for heading in headings[1:]] + [len(page)]
    return {
        heading[1]: _read(page[heading.end() : end])
        for heading, end in zip(headings, ends, strict=True)
    }


def _read(section: str) -> Diagram:
    found = _DIAGRAM.search(section)
    lines = [line.strip() for line in found[1].splitlines()] if found else ["no diagram"]
    arrows, starts, strange = [], [], []
    for line in lines:
        if arrow := _ARROW.fullmatch(line):
            arrows.append(Arrow(arrow[1], arrow[3], arrow[2], tuple(arrow[4].split(", "))))
        elif start := _START.fullmatch(line):
            starts.append(start[1])
        elif line not in _LAYOUT:
            strange.append(line)
    states, _, triggers = section.partition("\nStates:\n")[2].partition("\nTriggers:\n")
    return Diagram(
        starts=tuple(starts),
        arrows=tuple(arrows),
        strange=tuple(strange),
        states=tuple(_BULLET.findall(states)),
        triggers=tuple(_BULLET.findall(triggers)),
    )


def differences(diagram: Diagram, table: Table, start: Enum) -> list[str]:
    """What to write so that the diagram shows this table; empty where it does."""
    states = [state.name for state in type(start)]
    drawn = [one for arrow in diagram.arrows for one in _each(arrow, states)]
    wanted = {(at.name, by.name, to.name) for (at, by), to in table.items()}
    triggers = {by for _, by, _ in wanted}
    todo = [f"not understood: {line}" for line in diagram.strange]
    if diagram.starts != (start.name,):
        todo.append(f"it begins with one line: [*] --> {start.name}")
    todo += [f"add: {_line(one)}" for one in sorted(wanted - set(drawn))]
    todo += [
        f"take out: {arrow.line}"
        for arrow in diagram.arrows
        if not wanted.issuperset(_each(arrow, states))
    ]
    twice = {one for one in drawn if drawn.count(one) > 1}
    todo += [f"drawn twice: {_line(one)}" for one in sorted(twice)]
    todo += _explained("States", diagram.states, set(states))
    todo += _explained("Triggers", diagram.triggers, triggers)
    return todo


def _each(arrow: Arrow, states: list[str]) -> list[tuple[str, str, str]]:
    at = states if arrow.at == EVERY else [arrow.at]
    return [(one, arrow.trigger, arrow.to) for one in at]


def _line(transition: tuple[str, str, str]) -> str:
    at, trigger, to = transition
    return Arrow(at, trigger, to).line


def _explained(title: str, names: tuple[str, ...], wanted: set[str]) -> list[str]:
    todo = [f"add under {title}: - `{name}`: a sentence" for name in sorted(wanted - set(names))]
    todo += [f"take out of {title}: {name}" for name in sorted(set(names) - wanted)]
    todo += [f"twice under {title}: {name}" for name in sorted(wanted) if names.count(name) > 1]
    return todo
