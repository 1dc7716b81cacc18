"""Values as the genuine server, which is written in Elixir, prints them into its messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_WIDTH = 80
"""Columns after which a pretty-printed value is broken into lines."""
_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\x1b": "\\e",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\x7f": "\\d",
    "\0": "\\0",
}


def inspected(value: Any) -> str:
    """A value of decoded JSON on one line; a Python tuple stands for Elixir's."""
    match value:
        case None:
            return "nil"
        case bool():
            return "true" if value else "false"
        case str():
            return _quoted(value)
        case Mapping():
            pairs = ", ".join(f"{_quoted(str(k))} => {inspected(value[k])}" for k in sorted(value))
            return f"%{{{pairs}}}"
        case Sequence():
            opening, closing = _brackets(value)
            return opening + ", ".join(inspected(one) for one in value) + closing
        case _:
            return str(value)


def pretty(value: Any) -> str:
    """The same, but what is longer than a line is broken: a list of tuples has one a line, of
    anything else each line takes what fits."""
    return _pretty(value, 0)


def _pretty(value: Any, indent: int) -> str:
    flat = inspected(value)
    if isinstance(value, str) or not isinstance(value, Sequence) or len(flat) + indent <= _WIDTH:
        return flat
    opening, closing = _brackets(value)
    if any(isinstance(one, tuple) for one in value):
        inner = "\n" + " " * (indent + 2)
        items = ("," + inner).join(_pretty(one, indent + 2) for one in value)
        return f"{opening}{inner}{items}\n{' ' * indent}{closing}"
    lines = [opening]
    for position, one in enumerate(value):
        word = inspected(one) + (closing if position == len(value) - 1 else ",")
        space = " " if position else ""
        if position and indent + len(lines[-1]) + len(space + word) > _WIDTH:
            lines.append(" " * (indent + 1) + word)
        else:
            lines[-1] += space + word
    return "\n".join(lines)


def _brackets(value: Sequence[Any]) -> tuple[str, str]:
    return ("{", "}") if isinstance(value, tuple) else ("[", "]")


def _quoted(text: str) -> str:
    escaped = "".join(
        _ESCAPES.get(one) or (one if one.isprintable() else _code(one)) for one in text
    )
    return '"' + escaped.replace("#{", "\\#{") + '"'


def _code(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02X}" if number < 0x100 else f"\\x{{{number:X}}}"
