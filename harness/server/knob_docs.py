"""What each knob means, in the words that stand beside it in the code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.fields import meanings
from harness.server.knob_values import allowed
from harness.server.knobs import Knobs


@dataclass(frozen=True)
class KnobDoc:
    """A knob as a person reads about it."""

    name: str
    default: Any
    meaning: str
    """In one line; the name ends with the unit."""
    allowed: str
    """What it may be, in words."""


def knob_docs() -> list[KnobDoc]:
    """All knobs in the order of the code."""
    defaults, said = Knobs(), meanings(Knobs)
    return [
        KnobDoc(name, getattr(defaults, name), said.get(name, ""), allowed(name))
        for name in Knobs.__struct_fields__
    ]
