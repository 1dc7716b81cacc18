"""PostgreSQL's regular expressions for ``match`` and ``imatch``, in bounded time. Pure.

Python's own engine is no substitute: it reads several constructs differently (``$`` before a
last newline, ``{``, ``[[:alpha:]]``, ``\\Z``) and a pattern like ``(a+)+$`` keeps it busy for
ever.

Not served, and refused as too complex: back references, look-around, word boundaries, embedded
options such as ``(?i)`` or ``***:``, numeric escapes, what is longer than
:data:`MAX_PATTERN_CHARS`, and what needs more than
:data:`~harness.server.realtime.filters.automaton.MAX_STEPS` steps.
"""

from __future__ import annotations

from harness.server.realtime.filters.automaton import (
    TOO_COMPLEX,
    Anchor,
    Automaton,
    Char,
    Choice,
    Node,
    RegexError,
    Repeat,
    Sequence,
    Test,
)

MAX_PATTERN_CHARS = 500
_MAX_REPEAT = 255
_MAX_DEPTH = 50


def compile_regex(pattern: str, *, ignore_case: bool = False) -> Automaton:
    """Read a pattern. Raises :class:`RegexError`."""
    return Automaton(_Reader(pattern, ignore_case).whole())


_CLASSES: dict[str, Test] = {
    "alpha": str.isalpha,
    "digit": lambda char: char in "0123456789",
    "alnum": str.isalnum,
    "word": lambda char: char == "_" or char.isalnum(),
    "upper": str.isupper,
    "lower": str.islower,
    "space": str.isspace,
    "blank": lambda char: char in " \t",
    "punct": lambda char: char.isprintable() and not char.isalnum() and not char.isspace(),
    "cntrl": lambda char: ord(char) < 32 or 127 <= ord(char) < 160,
    "print": str.isprintable,
    "graph": lambda char: char.isprintable() and not char.isspace(),
    "xdigit": lambda char: char in "0123456789abcdefABCDEF",
}
_CLASS_ESCAPES = {"d": "digit", "s": "space", "w": "word"}
_PLAIN_ESCAPES = {
    **{"a": "\a", "b": "\b", "B": "\\", "e": "\x1b"},
    **{"f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"},
}
_UNSERVED_ESCAPES = frozenset("mMyYcxuU0123456789")


class _Reader:
    """Reads one pattern from left to right."""

    def __init__(self, pattern: str, ignore_case: bool) -> None:
        if len(pattern) > MAX_PATTERN_CHARS:
            raise RegexError(TOO_COMPLEX)
        if pattern.startswith("***") and pattern[3:4] in (":", "="):
            raise RegexError(TOO_COMPLEX)
        self._pattern = pattern
        self._position = 0
        self._depth = 0
        self._ignore_case = ignore_case

    def whole(self) -> Node:
        node = self._choice()
        if self._position < len(self._pattern):
            raise RegexError("parentheses () not balanced")
        return node

    def _next_is(self, text: str) -> bool:
        return self._pattern.startswith(text, self._position)

    def _take(self) -> str:
        char = self._pattern[self._position : self._position + 1]
        self._position += 1
        return char

    def _choice(self) -> Node:
        parts = [self._sequence()]
        while self._next_is("|"):
            self._take()
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._position < len(self._pattern) and self._pattern[self._position] not in "|)":
            parts.append(self._repeated(self._atom()))
        return Sequence(tuple(parts))

    def _repeated(self, atom: Node) -> Node:
        bounds = self._bounds()
        if bounds is None:
            return atom
        if isinstance(atom, Anchor):
            raise RegexError("quantifier operand invalid")
        if self._next_is("?"):
            self._take()  # a shorter match is a match all the same
        if self._bounds() is not None:
            raise RegexError("quantifier operand invalid")
        return Repeat(atom, *bounds)

    def _bounds(self) -> tuple[int, int | None] | None:
        """The quantifier that stands here, if any."""
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        here = self._pattern[self._position : self._position + 1]
        if here in simple:
            self._take()
            return simple[here]
        if here != "{" or not self._pattern[self._position + 1 : self._position + 2].isdecimal():
            return None
        inside, brace, _ = self._pattern[self._position + 1 :].partition("}")
        low, comma, high = inside.partition(",")
        if not brace:
            raise RegexError("braces {} not balanced")
        if not (low.isdecimal() and (high.isdecimal() or not high)) or len(inside) > 7:
            raise RegexError("invalid repetition count(s)")
        self._position += len(inside) + 2
        least = int(low)
        most = least if not comma else None if not high else int(high)
        if least > _MAX_REPEAT or (most is not None and not least <= most <= _MAX_REPEAT):
            raise RegexError("invalid repetition count(s)")
        return least, most

    def _atom(self) -> Node:
        match self._take():
            case "(":
                return self._group()
            case "[":
                return Char(self._bracket())
            case ".":
                return Char(lambda _: True)
            case "^" | "$" as at:
                return Anchor(at)
            case "\\":
                return self._escape()
            case "*" | "+" | "?":
                raise RegexError("quantifier operand invalid")
            case "{" if self._pattern[self._position : self._position + 1].isdecimal():
                raise RegexError("quantifier operand invalid")
            case char:
                return Char(self._same(char))

    def _group(self) -> Node:
        if self._next_is("?"):
            if not self._next_is("?:"):
                raise RegexError(TOO_COMPLEX)
            self._position += 2
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise RegexError(TOO_COMPLEX)
        node = self._choice()
        self._depth -= 1
        if self._take() != ")":
            raise RegexError("parentheses () not balanced")
        return node

    def _escape(self) -> Node:
        char = self._take()
        if char in ("A", "Z"):
            return Anchor("^" if char == "A" else "$")
        if char.lower() in _CLASS_ESCAPES and char:
            inside = _CLASSES[_CLASS_ESCAPES[char.lower()]]
            return Char(inside if char.islower() else lambda one: not inside(one))
        return Char(self._same(self._plain_escape(char)))

    def _plain_escape(self, char: str) -> str:
        if char in _UNSERVED_ESCAPES and char:
            raise RegexError(TOO_COMPLEX)
        if char in _PLAIN_ESCAPES:
            return _PLAIN_ESCAPES[char]
        if not char or (char.isascii() and char.isalnum()):
            raise RegexError("invalid escape \\ sequence")
        return char

    def _bracket(self) -> Test:
        negated = self._next_is("^")
        if negated:
            self._take()
        tests: list[Test] = []
        first = True
        while first or not self._next_is("]"):
            first = False
            tests.append(self._bracket_part())
        self._take()
        folded = self._folded(lambda char: any(test(char) for test in tests))
        return (lambda char: not folded(char)) if negated else folded

    def _bracket_part(self) -> Test:
        low = self._bracket_end()
        if not isinstance(low, str):
            return low
        if not self._next_is("-") or self._next_is("-]"):
            return lambda char: char == low
        self._take()
        high = self._bracket_end()
        if not isinstance(high, str) or low > high:
            raise RegexError("invalid character range")
        return lambda char: low <= char <= high

    def _bracket_end(self) -> str | Test:
        """A character, which may begin or end a range, or a class, which may not."""
        char = self._take()
        if not char:
            raise RegexError("brackets [] not balanced")
        if char == "\\":
            escaped = self._take()
            if escaped in _CLASS_ESCAPES:
                return _CLASSES[_CLASS_ESCAPES[escaped]]
            return self._plain_escape(escaped)
        for mark in (":", ".", "="):
            if char == "[" and self._next_is(mark):
                return self._named(mark)
        return char

    def _named(self, mark: str) -> str | Test:
        name, end, _ = self._pattern[self._position + 1 :].partition(mark + "]")
        if not end:
            raise RegexError("brackets [] not balanced")
        self._position += len(name) + 3
        if mark == ":":
            if name not in _CLASSES:
                raise RegexError("invalid character class")
            return _CLASSES[name]
        if len(name) != 1:
            raise RegexError("invalid collating element")
        return name

    def _same(self, wanted: str) -> Test:
        return self._folded(lambda char: char == wanted)

    def _folded(self, test: Test) -> Test:
        if not self._ignore_case:
            return test
        return lambda char: test(char) or test(char.lower()) or test(char.upper())
