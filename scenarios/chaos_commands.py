"""What a tester says to ``chatquake chaos``: a key on a terminal, else a line. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import UsageError
from harness.near_names import near

KEYS = "123456789abcdefgijklmnoprtuvwxyz"
"""Of the faults, in their order; the letters that are missing mean something else."""
LONGEST_PAUSE_S = 3600.0


@dataclass(frozen=True)
class Turn:
    """A fault on or off; ``None``: the other of the two."""

    fault: str
    on: bool | None = None


@dataclass(frozen=True)
class HealAll:
    """End all faults, and the timeline."""


@dataclass(frozen=True)
class Begin:
    """Play the timeline from its begin."""


@dataclass(frozen=True)
class Show:
    """Say which faults there are and which are on."""


@dataclass(frozen=True)
class Pause:
    """Take no further command for a while: for scripts that give all of them at once."""

    for_s: float


@dataclass(frozen=True)
class Quit:
    """Heal, tell the last receipts, and end."""


Command = Turn | HealAll | Begin | Show | Pause | Quit

_WORDS: dict[str, Command] = {
    "0": HealAll(),
    "heal": HealAll(),
    "start": Begin(),
    "s": Show(),
    "h": Show(),
    "?": Show(),
    "status": Show(),
    "q": Quit(),
    "quit": Quit(),
}


def parse(text: str, faults: Sequence[str], *, by_key: bool) -> Command | None:
    """The command in a key or a line; ``None`` where it says nothing.

    ``faults`` are the names in the order of their keys; with ``by_key`` false they follow a
    timeline, which Enter begins, and cannot be turned. Raises :class:`UsageError` with what is
    allowed.
    """
    words = text.split()
    if not words:
        return None if by_key else Begin()
    match words:
        case ["wait", number]:
            return Pause(_seconds(number))
        case ["on" | "off" as how, name] if by_key:
            return Turn(_named(name, faults), on=how == "on")
        case [word] if word in _WORDS and not (by_key and word == "start"):
            return _WORDS[word]
        case [word] if by_key:
            return Turn(_named(word, faults))
    raise UsageError(f"{text.strip()!r}: is no command; {_allowed(faults, by_key=by_key)}")


def keys(faults: Sequence[str]) -> dict[str, str]:
    """The fault of each key; those past the last key are turned by name only."""
    return dict(zip(KEYS, faults, strict=False))


def _named(word: str, faults: Sequence[str]) -> str:
    by_key = keys(faults)
    if word in faults:
        return word
    if word in by_key:
        return by_key[word]
    raise UsageError(f"{word!r}: is no fault and no key; {near(word, (*faults, *by_key))}")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_PAUSE_S:
        raise UsageError(f"wait {text}: must be seconds from 0 to {LONGEST_PAUSE_S:g}")
    return seconds


def _allowed(faults: Sequence[str], *, by_key: bool) -> str:
    if by_key:
        return f"allowed: {', '.join(keys(faults))} or a name, on NAME, off NAME, 0, ?, wait S, q"
    return "allowed: start (or Enter), 0, ?, wait S, q"
