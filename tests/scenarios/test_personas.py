"""The table of personas, and the docs that show it."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from scenarios.personas import PERSONAS, Persona

DOCS = Path(__file__).parents[2] / "docs" / "scenarios.md"


def row_of(persona: Persona) -> list[str]:
    text = DOCS.read_text(encoding="utf-8")
    (row,) = re.findall(rf"^\| `{persona.name}` \| (\d.*) \|$", text, flags=re.MULTILINE)
    return str(row).split(" | ")


@pytest.mark.parametrize("persona", PERSONAS.values(), ids=PERSONAS)
def test_the_docs_show_each_persona_s_numbers(persona: Persona) -> None:
    writes, reacts, letters, also = row_of(persona)

    assert float(writes) == persona.writes
    assert float(reacts.removesuffix("%")) / 100 == persona.reacts
    assert letters == ("–" if math.isinf(persona.letters_per_s) else f"{persona.letters_per_s:g}")
    if persona.pause_s:
        assert f"pauses {persona.pause_s:g} s" in also
    for part in filter(None, (persona.arrives, persona.leaves)):
        assert f"after {part[0]:.0%}".rstrip("%") in also
        assert f"{part[1]:.0%} of the load" in also


def test_every_persona_writes_sometimes() -> None:
    """A room of any mix has somebody to write what it wants."""
    assert all(persona.writes > 0 for persona in PERSONAS.values())
