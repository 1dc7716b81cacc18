"""What each person does but writing, and when that keeps them from writing.

A person's acts follow from scenario, seed and their own index, whoever is planned before them.
Everybody who goes away within the load is back before it ends, but for those who leave for good:
what happens on their screen in the settling phase is judged like everybody's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from random import Random

from harness.runsettings import ActKind, ModerationKind, MoveKind, PlannedAct
from harness.seeds import stream
from scenarios.model import Scenario
from scenarios.personas import Absence, Persona, Where
from scenarios.population import Member, population

_GO_AND_RETURN: dict[Where, tuple[MoveKind, MoveKind]] = {
    "other_tab": ("hide", "show"),
    "no_network": ("go_offline", "go_online"),
    "laptop_closed": ("close_lid", "open_lid"),
    "page_closed": ("leave", "come_back"),
}

_DELETES = 0.25
"""The share of a moderator's acts that delete instead of hide."""

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Life:
    """One person's part in the load, but for what they write."""

    acts: tuple[PlannedAct, ...] = ()
    away: tuple[Span, ...] = ()
    """When they cannot reach the send button, from and to, rising. A lost network is none of
    these: who clicks without it has a send that fails."""

    def is_there(self, since_s: float, until_s: float) -> bool:
        """Whether the person is before the chat all the time between the two moments."""
        return all(end_s <= since_s or until_s < begin_s for begin_s, end_s in self.away)


def acts(scenario: Scenario) -> tuple[PlannedAct, ...]:
    """Every act of the run, by time."""
    found = [act for member in population(scenario) for act in life_of(scenario, member).acts]
    return tuple(sorted(found, key=lambda act: (act.at_s, act.user, act.number)))


def life_of(scenario: Scenario, member: Member) -> Life:
    """What one person does, from their persona and a stream of their own."""
    if member.persona.is_even:
        return Life()
    rng = stream(scenario.seed, "people", member.user, "acts")
    steps: list[tuple[float, ActKind]] = []
    away: list[Span] = []
    begin_s, end_s = _stay(member.persona, scenario.load_s, rng)
    if begin_s > 0.0:
        steps.append((begin_s, "arrive"))
        away.append((-inf, begin_s))
    for absence, gone_s, back_s in _absences(member.persona, begin_s, end_s, rng):
        go, come_back = _GO_AND_RETURN[absence.where]
        steps += [(gone_s, go), (back_s, come_back)]
        if absence.where != "no_network":
            away.append((gone_s, back_s))
    if end_s < scenario.load_s:
        steps.append((end_s, "leave"))
        away.append((end_s, inf))
    steps += _moderation(member.persona, begin_s, end_s, rng)
    steps.sort()
    return Life(
        acts=tuple(
            PlannedAct(user=member.user, number=number, at_s=at_s, act=act)
            for number, (at_s, act) in enumerate(steps)
        ),
        away=tuple(away),
    )


def _moderation(
    persona: Persona, begin_s: float, end_s: float, rng: Random
) -> Iterator[tuple[float, ModerationKind]]:
    """When the person hides or deletes a message; which one shows when it is time."""
    if persona.moderates_every_s == inf:
        return
    at_s = begin_s + rng.expovariate(1.0 / persona.moderates_every_s)
    while at_s < end_s:
        yield at_s, "delete_message" if rng.random() < _DELETES else "hide_message"
        at_s += rng.expovariate(1.0 / persona.moderates_every_s)


def _stay(persona: Persona, load_s: float, rng: Random) -> Span:
    """When the person opens the page (0: before the load) and closes it for good."""
    begin_s = 0.0 if persona.arrives is None else rng.uniform(*persona.arrives) * load_s
    end_s = load_s if persona.leaves is None else rng.uniform(*persona.leaves) * load_s
    return begin_s, end_s


def _absences(
    persona: Persona, begin_s: float, end_s: float, rng: Random
) -> Iterator[tuple[Absence, float, float]]:
    """One after another, each over before ``end_s``; what would last longer is not begun."""
    kinds = persona.absences
    if not kinds:
        return
    often = [1.0 / absence.every_s for absence in kinds]
    at_s = begin_s
    while True:
        at_s += rng.expovariate(sum(often))
        (absence,) = rng.choices(kinds, often)
        back_s = at_s + rng.uniform(0.5, 1.5) * absence.lasts_s
        if back_s >= end_s:
            return
        yield absence, at_s, back_s
        at_s = back_s
