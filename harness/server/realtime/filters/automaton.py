"""A regular expression as an automaton that reads a text once, all its states together. Pure.

Whether a text has a match at all does not depend on which match is found first. So the time is
bounded by the length of the text times :data:`MAX_STEPS`, whatever the pattern.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

MAX_STEPS = 200
"""Of a compiled pattern; a repetition counts its part as often as it may be repeated."""
MAX_CONSTRUCTIONS = 5 * MAX_STEPS
"""How often a part may be taken up while a pattern is compiled. Parts that need no step, such as
empty groups, count here too, or nested repetitions of them would multiply without end."""
_MAX_KNOWN = 2000

TOO_COMPLEX = "regular expression is too complex"

Test = Callable[[str], bool]
"""Whether one character is meant."""


class RegexError(Exception):
    """Why a pattern is no regular expression, in PostgreSQL's words."""


class _Step(NamedTuple):
    """``test`` consumes a character; without it ``at`` or nothing is asked of the place."""

    test: Test | None
    at: str
    """``^``: only at the begin, ``$``: only at the end, empty: anywhere."""
    to: tuple[int, ...]


@dataclass(frozen=True)
class Char:
    test: Test


@dataclass(frozen=True)
class Anchor:
    at: str


@dataclass(frozen=True)
class Sequence:
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    part: Node
    least: int
    most: int | None


Node = Char | Anchor | Sequence | Choice | Repeat


class Automaton:
    """A compiled pattern."""

    def __init__(self, node: Node) -> None:
        """Raises :class:`RegexError` for a pattern that is too complex."""
        self._steps: list[_Step] = [_Step(None, "", ())]
        self._constructions = 0
        self._begin = self._add(node, 0)
        self._known: dict[tuple[frozenset[int], str], frozenset[int] | None] = {}
        """What a set of states becomes by a character; ``None``: it has matched."""

    def found_in(self, text: str) -> bool:
        """Whether any part of a text matches."""
        states: frozenset[int] | None = self._closed([self._begin], "^")
        for char in text:
            assert states is not None
            key = (states, char)
            if key in self._known:
                states = self._known[key]
            else:
                if len(self._known) >= _MAX_KNOWN:
                    self._known.clear()
                states = self._known[key] = self._advanced(states, char)
            if states is None:
                return True
        assert states is not None
        return 0 in self._closed(states, "$" if text else "^$")

    def _advanced(self, states: frozenset[int], char: str) -> frozenset[int] | None:
        if 0 in states:
            return None
        reached = [self._begin]
        passes: dict[Test, bool] = {}  # a repeated part shares its test, which may be costly
        for number in states:
            test = self._steps[number].test
            if test is None:
                continue
            if test not in passes:
                passes[test] = test(char)
            if passes[test]:
                reached += self._steps[number].to
        return self._closed(reached, "")

    def _closed(self, begin: Iterable[int], here: str) -> frozenset[int]:
        """All states that are reached without a character."""
        reached: set[int] = set()
        waiting = list(begin)
        while waiting:
            number = waiting.pop()
            if number in reached:
                continue
            reached.add(number)
            step = self._steps[number]
            # What waits for the end stays: it is asked again where the text is over.
            if step.test is None and (not step.at or step.at in here):
                waiting += step.to
        return frozenset(reached)

    def _add(self, node: Node, then: int) -> int:
        """Add steps for a node that lead to step ``then``; returns the first."""
        self._constructions += 1
        if self._constructions > MAX_CONSTRUCTIONS:
            raise RegexError(TOO_COMPLEX)
        match node:
            case Char(test):
                return self._step(_Step(test, "", (then,)))
            case Anchor(at):
                return self._step(_Step(None, at, (then,)))
            case Sequence(parts):
                for part in reversed(parts):
                    then = self._add(part, then)
                return then
            case Choice(parts):
                return self._step(_Step(None, "", tuple(self._add(one, then) for one in parts)))
            case Repeat(part, least, most):
                if most is None:
                    loop = self._step(_Step(None, "", ()))
                    self._steps[loop] = _Step(None, "", (self._add(part, loop), then))
                    then = loop
                else:
                    end = then
                    for _ in range(most - least):
                        then = self._step(_Step(None, "", (self._add(part, then), end)))
                for _ in range(least):
                    then = self._add(part, then)
                return then

    def _step(self, step: _Step) -> int:
        if len(self._steps) > MAX_STEPS:
            raise RegexError(TOO_COMPLEX)
        self._steps.append(step)
        return len(self._steps) - 1
