"""Whose turn it is: who of a room writes each wanted message, and who answers the presenter.

A room is planned from its own streams alone, one purpose each, so the other rooms, and the order
in which rooms are planned, change nothing in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import accumulate, count
from random import Random

from harness.seeds import stream
from scenarios.arrivals import arrivals
from scenarios.chatlines import REACTIONS
from scenarios.model import Scenario
from scenarios.people import Life, life_of
from scenarios.personas import Persona
from scenarios.population import Member

SEND_MARGIN_S = 0.25
"""Added to S6's pause, so that a send that starts a little late does not make the same person's
next one bounce off the disabled button."""

MOST_TYPED_S = 15.0
"""Nobody types for longer: a longer text is pasted."""
REACTION_MEAN_S = 3.0
"""From a message of the presenter to an answer, typing aside (exponential)."""
SECOND_CLICK_S = (0.03, 0.09)
"""From one click to the other of a double click."""

_DRAWS = 8
"""Tries to hit somebody who has had the time to type, before anybody whose button is enabled will
do. More would hand what the busy chatters leave to the lurkers."""


@dataclass(frozen=True, slots=True, order=True)
class Turn:
    """Somebody's click on send."""

    at_s: float
    user: int
    room: int
    body: str
    second_click: bool = False


def turns(
    scenario: Scenario, room: int, members: tuple[Member, ...], lines: tuple[str, ...]
) -> Iterator[Turn]:
    """Every click on send in one room, in no particular order."""
    desk = _Desk(scenario, room, members)
    when, what, answers, hands = (
        stream(scenario.seed, "workload", "room", room, purpose)
        for purpose in ("arrivals", "texts", "reactions", "hands")
    )
    tie = count()
    wanted: list[tuple[float, int, int | None]] = [
        (at_s, next(tie), None) for at_s in arrivals(scenario.load, scenario.load_s, when)
    ]
    heapify(wanted)
    while wanted:
        wanted_s, _, seat = heappop(wanted)
        if seat is None:
            body = what.choice(lines)
            seat, at_s = desk.writer(wanted_s, body)
        else:
            body, at_s = answers.choice(REACTIONS), wanted_s
            if not desk.can_write(seat, at_s, body):
                continue  # busy or gone by now: an answer that nobody had begun
        desk.wrote(seat, at_s)
        member = members[seat]
        yield Turn(at_s, member.user, room, body)
        for _ in range(1, member.persona.clicks):
            again_s = at_s + hands.uniform(*SECOND_CLICK_S)
            yield Turn(again_s, member.user, room, body, second_click=True)
        if member.persona.role == "presenter":
            for other, answer_s in desk.reactions(at_s, answers):
                heappush(wanted, (answer_s, next(tie), other))


class _Desk:
    """What is known of a room's people while its messages are dealt out."""

    def __init__(self, scenario: Scenario, room: int, members: tuple[Member, ...]) -> None:
        self._load_s = scenario.load_s
        self._rng = stream(scenario.seed, "workload", "room", room, "senders")
        self._personas = tuple(member.persona for member in members)
        self._pauses_s = tuple(_pause_s(member) for member in members)
        self._lives: tuple[Life, ...] = tuple(life_of(scenario, member) for member in members)
        self._is_even = all(persona.is_even for persona in self._personas) and not any(
            life.away for life in self._lives
        )
        self._weights = tuple(accumulate(persona.writes for persona in self._personas))
        self._wrote_s = [float("-inf")] * len(members)
        self._free_at_s = [0.0] * len(members)

    def wrote(self, seat: int, at_s: float) -> None:
        self._wrote_s[seat] = at_s
        self._free_at_s[seat] = at_s + self._pauses_s[seat]

    def can_write(self, seat: int, at_s: float, body: str) -> bool:
        """Whether they may click (S6), are there, and have had the time to type."""
        if self._free_at_s[seat] > at_s:
            return False
        begun_s = at_s - typing_s(self._personas[seat], body)
        return self._wrote_s[seat] <= begun_s and self._lives[seat].is_there(begun_s, at_s)

    def writer(self, wanted_s: float, body: str) -> tuple[int, float]:
        """Who writes this message, and when.

        Drawn by weight from those who can. Where the draws hit nobody, somebody who is there
        has typed quicker than usual. Where no button of those there is enabled (S6), the message
        waits for the first who may write again. Where nobody is there, it falls to somebody who
        is away: they cannot make it, and the record says why.
        """
        if self._is_even:
            return self._anybody(wanted_s)
        for _ in range(_DRAWS):
            seat = self._drawn(range(len(self._personas)), self._weights)
            if self.can_write(seat, wanted_s, body):
                return seat, wanted_s
        there = [
            (max(wanted_s, free_s), seat)
            for seat, free_s in enumerate(self._free_at_s)
            if self._lives[seat].is_there(max(wanted_s, free_s), max(wanted_s, free_s))
        ]
        if not there:
            return self._drawn(range(len(self._personas)), self._weights), wanted_s
        soonest_s, _ = min(there)
        first = [seat for free_s, seat in there if free_s == soonest_s]
        weights = accumulate(self._personas[seat].writes for seat in first)
        return self._drawn(first, tuple(weights)), soonest_s

    def reactions(self, spoken_s: float, rng: Random) -> Iterator[tuple[int, float]]:
        """Who answers what the presenter wrote, and when; only who was there to read it."""
        for seat, persona in enumerate(self._personas):
            if not persona.reacts or rng.random() >= persona.reacts:
                continue
            answer_s = spoken_s + rng.expovariate(1.0 / REACTION_MEAN_S)
            answer_s += typing_s(persona, max(REACTIONS, key=len))
            if answer_s < self._load_s and self._lives[seat].is_there(spoken_s, answer_s):
                yield seat, answer_s

    def _anybody(self, wanted_s: float) -> tuple[int, float]:
        """Where all are alike: evenly, without a look at each of a large room."""
        soonest_s = min(self._free_at_s)
        if soonest_s > wanted_s:
            return self._free_at_s.index(soonest_s), soonest_s
        while True:
            seat = self._rng.randrange(len(self._free_at_s))
            if self._free_at_s[seat] <= wanted_s:
                return seat, wanted_s

    def _drawn(self, seats: range | list[int], cumulative: tuple[float, ...]) -> int:
        return self._rng.choices(seats, cum_weights=cumulative)[0]


def typing_s(persona: Persona, body: str) -> float:
    """How long this person types at this text."""
    return min(MOST_TYPED_S, len(body) / persona.letters_per_s)


def _pause_s(member: Member) -> float:
    return max(member.cohort.policy.send_disabled_s + SEND_MARGIN_S, member.persona.pause_s)
