"""What each person does but writing, and when that keeps them from writing.

A person's acts follow from scenario, seed and their own index, whoever is planned before them.
What their browser adds (a tab in the background, a phone that sleeps or changes its network) is
drawn beside, so that the person themselves stays the same in another browser. A fault in the
browser is no whim: what else would take its people away in that time is left out. Everybody who
goes away within the load is back before it ends, but for those who leave for good and tabs that
stay hidden: what happens on all other screens in the settling phase is judged.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from random import Random

from chaos.faults.browser.hidden import Hidden
from harness.client.browser import Browser
from harness.runsettings import MoveKind, PlannedAct
from harness.seeds import stream
from scenarios.habits import absences_of
from scenarios.model import Scenario
from scenarios.personas import Absence, Persona, Where
from scenarios.population import Member, population
from scenarios.struck import (
    Gone,
    Span,
    Step,
    around,
    keep_clear,
    out_of_reach,
    spans_of,
    steps_of,
    there_for,
)

_GO_AND_RETURN: dict[Where, tuple[MoveKind, MoveKind]] = {
    "other_tab": ("hide", "show"),
    "other_page": ("navigate_away", "navigate_back"),
    "no_network": ("go_offline", "go_online"),
    "other_network": ("go_offline", "switch_network"),
    "laptop_closed": ("close_lid", "open_lid"),
    "page_closed": ("leave", "come_back"),
}

_DELETES = 0.25
"""The share of a moderator's acts that delete instead of hide."""

_CAN_CLICK: frozenset[Where] = frozenset(("no_network", "other_network"))


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
    persona, browser = member.persona, member.cohort.browser
    further = absences_of(persona.name, scenario.load.absences)
    if persona.is_even and not further and not _adds_acts(browser) and not member.faults:
        return Life()
    rng = stream(scenario.seed, "people", member.user, "acts")
    steps: list[Step] = []
    away: list[Span] = []
    begin_s, end_s = _stay(persona, scenario.load_s, rng)
    if begin_s > 0.0:
        steps.append(Step(begin_s, "arrive"))
        away.append((-inf, begin_s))
    own = list(_absences(persona.absences, begin_s, end_s, rng))
    device = stream(scenario.seed, "people", member.user, "device")
    its = list(_absences(_of_device(browser), begin_s, end_s, device))
    rest = stream(scenario.seed, "people", member.user, "absences")
    more = list(_absences(further, begin_s, end_s, rest))
    faults = there_for(member.faults, begin_s, end_s)
    taken = spans_of(faults)
    hidden = around(taken, _hidden(browser, begin_s, end_s))
    free = [keep_clear(taken, gone) for gone in (own, more, its)]
    for where, (gone_s, back_s) in _one_after_another(hidden, *free):
        go, come_back = _GO_AND_RETURN[where]
        steps.append(Step(gone_s, go))
        if where == "other_tab":
            steps += _in_background(browser, gone_s, min(back_s, end_s))
        if back_s < inf:
            steps.append(Step(back_s, come_back, returns=True))
        if where not in _CAN_CLICK:
            away.append((gone_s, back_s))
    steps += steps_of(faults)
    for fault in faults:
        if fault.kind == Hidden.kind:
            steps += _in_background(browser, fault.at_s, fault.end_s)
    away = sorted((*away, *out_of_reach(faults)))
    if end_s < scenario.load_s:
        steps.append(Step(end_s, "leave"))
        away.append((end_s, inf))
    steps += _moderation(persona, begin_s, end_s, rng)
    # Who is due back and away at once comes back first; else what is due at once stays in order.
    steps.sort(key=lambda step: (step.at_s, not step.returns))
    return Life(
        acts=tuple(
            PlannedAct(
                user=member.user, number=number, at_s=step.at_s, act=step.act, fault=step.fault
            )
            for number, step in enumerate(steps)
        ),
        away=tuple(away),
    )


def _adds_acts(browser: Browser) -> bool:
    return min(browser.hidden_after_s, browser.sleeps_every_s, browser.switches_every_s) < inf


def _hidden(browser: Browser, begin_s: float, end_s: float) -> list[Gone]:
    """When the tab is in the background because the browser's profile says so."""
    gone_s = begin_s + browser.hidden_after_s
    if gone_s >= end_s:
        return []
    back_s = gone_s + browser.hidden_for_s
    return [("other_tab", (gone_s, back_s if back_s < end_s else inf))]


def _in_background(browser: Browser, gone_s: float, until_s: float) -> Iterator[Step]:
    """What the browser does to a tab that is hidden for long."""
    frozen_s, discarded_s = gone_s + browser.freezes_after_s, gone_s + browser.discards_after_s
    if frozen_s < min(until_s, discarded_s):
        yield Step(frozen_s, "freeze")
    if discarded_s < until_s:
        yield Step(discarded_s, "discard")


def _of_device(browser: Browser) -> tuple[Absence, ...]:
    """What takes the device away, whoever holds it."""
    sleeps = Absence(
        where="laptop_closed", every_s=browser.sleeps_every_s, lasts_s=browser.sleeps_for_s
    )
    switches = Absence(
        where="other_network", every_s=browser.switches_every_s, lasts_s=browser.switch_takes_s
    )
    return tuple(absence for absence in (sleeps, switches) if absence.every_s < inf)


def _one_after_another(*kinds: list[Gone]) -> list[Gone]:
    """All of them by time; where two overlap, the one of the earlier kind."""
    kept: list[Gone] = []
    for gone in kinds:
        kept += [
            (where, (gone_s, back_s))
            for where, (gone_s, back_s) in gone
            if all(end_s < gone_s or back_s < begin_s for _, (begin_s, end_s) in kept)
        ]
    return sorted(kept, key=lambda one: one[1])


def _moderation(persona: Persona, begin_s: float, end_s: float, rng: Random) -> Iterator[Step]:
    """When the person hides or deletes a message; which one shows when it is time."""
    if persona.moderates_every_s == inf:
        return
    at_s = begin_s + rng.expovariate(1.0 / persona.moderates_every_s)
    while at_s < end_s:
        yield Step(at_s, "delete_message" if rng.random() < _DELETES else "hide_message")
        at_s += rng.expovariate(1.0 / persona.moderates_every_s)


def _stay(persona: Persona, load_s: float, rng: Random) -> Span:
    """When the person opens the page (0: before the load) and closes it for good."""
    begin_s = 0.0 if persona.arrives is None else rng.uniform(*persona.arrives) * load_s
    end_s = load_s if persona.leaves is None else rng.uniform(*persona.leaves) * load_s
    return begin_s, end_s


def _absences(
    kinds: tuple[Absence, ...], begin_s: float, end_s: float, rng: Random
) -> Iterator[Gone]:
    """One after another, each over before ``end_s``; what would last longer is not begun."""
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
        yield absence.where, (at_s, back_s)
        at_s = back_s
