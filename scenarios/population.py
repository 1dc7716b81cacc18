"""Who sits where: a user's index decides room and cohort, in whatever process the user runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat

from chaos.faults.schedule import ScheduledFault
from harness.seeds import child_seed
from scenarios.cohorts import Cohort
from scenarios.model import Scenario
from scenarios.personas import PARTICIPANT, PERSONAS, Persona

FIRST_ROOM = 1
"""The webinar id of the first room; the others follow."""


@dataclass(frozen=True, slots=True)
class Member:
    """One emulated user."""

    user: int
    """Index in the order of starting, from 0."""
    room: int
    """The webinar's id."""
    cohort: Cohort
    persona: Persona = PARTICIPANT
    faults: tuple[ScheduledFault, ...] = ()
    """Those in the browser that hit theirs, where they are there to be hit."""
    before: int = 0
    """How many of the same cohort have started before."""


def population(scenario: Scenario) -> tuple[Member, ...]:
    """All users by index. Rooms are filled one after another to their sizes (``Load.room_sizes``).

    Cohorts are interleaved: each user goes to the cohort that is furthest behind its share, so
    that every room, and any number of users that have started, is mixed as the whole is. Personas
    are cast beside them (:class:`_Casting`).
    """
    casting = _Casting(scenario.load.people)
    counts = [0] * len(scenario.cohorts)
    members = []
    for user, room in enumerate(_rooms_of_users(scenario)):
        behind = [c.share * (user + 1) - n for c, n in zip(scenario.cohorts, counts, strict=True)]
        chosen = behind.index(max(behind))
        cohort = scenario.cohorts[chosen]
        persona = casting.next(room, cohort.name)
        members.append(Member(user, room, cohort, persona, before=counts[chosen]))
        counts[chosen] += 1
    drawn = drawn_users(scenario.faults, members, seed=scenario.seed)
    return tuple(
        replace(member, faults=hit) if (hit := _of(member, scenario.faults, drawn)) else member
        for member in members
    )


def drawn_users(
    faults: Sequence[ScheduledFault], members: Sequence[Member], *, seed: int
) -> dict[str, frozenset[int]]:
    """By name, whom each fault in the browser hits: exactly its share of each of its cohorts, and
    at least one. Of a fault that repeats (``name#2``) they stay the same: an extension is not in
    other browsers the next time."""
    found: dict[str, frozenset[int]] = {}
    for fault in faults:
        if fault.fault.means != "browser":
            continue
        users: list[int] = []
        for cohort in fault.cohorts:
            own = [member.user for member in members if member.cohort.name == cohort]
            own.sort(key=partial(child_seed, seed, "faults", fault.name.partition("#")[0]))
            users += own[: max(1, int(fault.share * len(own) + 0.5))]
        found[fault.name] = frozenset(users)
    return found


def _of(
    member: Member, faults: Sequence[ScheduledFault], drawn: Mapping[str, frozenset[int]]
) -> tuple[ScheduledFault, ...]:
    return tuple(fault for fault in faults if member.user in drawn.get(fault.name, ()))


class _Casting:
    """Deals out personas, user by user.

    The first seats of a room are for those whose number is given (its presenter, its moderators).
    Everybody else becomes what is furthest behind its share in their room and in their cohort,
    the two taken together: a cohort must not end up with all the lurkers only because the shares
    of both repeat in the same rhythm.
    """

    def __init__(self, people: Mapping[str, float]) -> None:
        self._fixed = [
            persona
            for name, persona in PERSONAS.items()
            if persona.by_number
            for _ in range(int(people.get(name, 0)))
        ]
        self._shares = {
            PERSONAS[name]: share for name, share in people.items() if not PERSONAS[name].by_number
        } or {PARTICIPANT: 1.0}
        self._room: int | None = None
        self._left: list[Persona] = []
        """Of the present room's fixed seats, last first."""
        self._in_room: Counter[Persona] = Counter()
        self._in_cohort: dict[str, Counter[Persona]] = {}

    def next(self, room: int, cohort: str) -> Persona:
        """The persona of the next user, who sits in ``room``."""
        if room != self._room:
            self._room, self._left = room, self._fixed[::-1]
            self._in_room = Counter()
        if self._left:
            return self._left.pop()
        in_room, in_cohort = self._in_room, self._in_cohort.setdefault(cohort, Counter())
        room_size, cohort_size = in_room.total() + 1, in_cohort.total() + 1
        behind = {
            persona: share * (room_size + cohort_size) - in_room[persona] - in_cohort[persona]
            for persona, share in self._shares.items()
        }
        chosen = max(behind, key=behind.__getitem__)
        in_room[chosen] += 1
        in_cohort[chosen] += 1
        return chosen


def _rooms_of_users(scenario: Scenario) -> Iterator[int]:
    for room, size in enumerate(scenario.load.room_sizes, start=FIRST_ROOM):
        yield from repeat(room, size)


def rooms(members: tuple[Member, ...]) -> dict[int, tuple[Member, ...]]:
    """The members of each room, by the room's id."""
    by_room: dict[int, list[Member]] = {}
    for member in members:
        by_room.setdefault(member.room, []).append(member)
    return {room: tuple(present) for room, present in by_room.items()}
