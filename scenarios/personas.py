"""How people behave in a webinar, as data: who writes how often, and what else they do.

The numbers are judgements, not measurements; what matters is that the kinds differ as people do.
They are read by ``scenarios.population`` (who is what), ``scenarios.people`` (their acts) and
``scenarios.turns`` (whose turn it is to write).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import Literal

Where = Literal[
    "other_tab", "other_page", "no_network", "other_network", "laptop_closed", "page_closed"
]
Part = tuple[float, float]
"""From and to, in parts of the load: 0 its beginning, 1 its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Something that takes a person away from the chat, again and again."""

    where: Where
    every_s: float
    """Between the end of one and the beginning of the next, on average (exponential)."""
    lasts_s: float
    """On average; each lasts from half of it to one and a half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """One kind of person."""

    name: str
    writes: float
    """Chance to be the one who writes when the room wants a message, beside the others'."""
    reacts: float = 0.0
    """Chance to answer each message of the presenter within seconds."""
    letters_per_s: float = inf
    """Typing speed: nobody writes again before they can have typed it."""
    pause_s: float = 0.0
    """At least so long between two messages of one's own, S6 aside."""
    clicks: int = 1
    """On send, for each message; two of them come within 100 ms."""
    absences: tuple[Absence, ...] = ()
    arrives: Part | None = None
    """Opens the page so late; ``None``: before the load."""
    leaves: Part | None = None
    """Closes the page for good so early; ``None``: stays."""
    moderates_every_s: float = inf
    """Between two messages that they hide or, one in four, delete (exponential)."""
    by_number: bool = False
    """A scenario says how many of them a room has, not which share of it they are."""
    role: Literal["attendee", "moderator", "presenter"] = "attendee"
    """What the server takes them for."""

    @property
    def is_even(self) -> bool:
        """Writes like everybody, types in no time and never goes away."""
        return self == PARTICIPANT


PARTICIPANT = Persona(name="participant", writes=1.0)
"""Everybody, where a scenario says nothing about its people."""

_GLANCES_AWAY = Absence(where="other_tab", every_s=90.0, lasts_s=8.0)
_LIFT = Absence(where="no_network", every_s=300.0, lasts_s=5.0)

PERSONAS: Mapping[str, Persona] = MappingProxyType(
    {
        persona.name: persona
        for persona in (
            PARTICIPANT,
            Persona(
                name="presenter",
                writes=4.0,
                letters_per_s=5.0,
                pause_s=10.0,
                by_number=True,
                role="presenter",
            ),
            Persona(
                name="moderator",
                writes=1.5,
                reacts=0.1,
                letters_per_s=6.0,
                moderates_every_s=12.0,
                by_number=True,
                role="moderator",
            ),
            Persona(
                name="chatter",
                writes=1.0,
                reacts=0.25,
                letters_per_s=5.0,
                absences=(_GLANCES_AWAY,),
            ),
            Persona(
                name="lurker",
                writes=0.02,
                reacts=0.02,
                letters_per_s=3.0,
                absences=(
                    Absence(where="other_tab", every_s=40.0, lasts_s=20.0),
                    Absence(where="laptop_closed", every_s=400.0, lasts_s=60.0),
                ),
            ),
            Persona(
                name="late-comer",
                writes=1.0,
                reacts=0.25,
                letters_per_s=4.0,
                absences=(_GLANCES_AWAY, _LIFT),
                arrives=(0.1, 0.6),
            ),
            Persona(
                name="leaver",
                writes=0.7,
                reacts=0.15,
                letters_per_s=4.0,
                absences=(
                    Absence(where="page_closed", every_s=60.0, lasts_s=6.0),
                    Absence(where="laptop_closed", every_s=200.0, lasts_s=15.0),
                    _LIFT,
                ),
                leaves=(0.4, 0.95),
            ),
            Persona(
                name="double-clicker",
                writes=1.0,
                reacts=0.25,
                letters_per_s=4.0,
                clicks=2,
            ),
        )
    }
)
