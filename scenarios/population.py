"""Who sits where: a user's index decides room and cohort, in whatever process the user runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

from scenarios.cohorts import Cohort
from scenarios.model import Scenario

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


def population(scenario: Scenario) -> tuple[Member, ...]:
    """All users by index. Rooms are filled one after another to their sizes (``Load.room_sizes``).

    Cohorts are interleaved: each user goes to the cohort that is furthest behind its share, so
    that every room, and any number of users that have started, is mixed as the whole is.
    """
    counts = [0] * len(scenario.cohorts)
    members = []
    for user, room in enumerate(_rooms_of_users(scenario)):
        behind = [c.share * (user + 1) - n for c, n in zip(scenario.cohorts, counts, strict=True)]
        chosen = behind.index(max(behind))
        counts[chosen] += 1
        members.append(Member(user, room, scenario.cohorts[chosen]))
    return tuple(members)


def _rooms_of_users(scenario: Scenario) -> Iterator[int]:
    for room, size in enumerate(scenario.load.room_sizes, start=FIRST_ROOM):
        yield from repeat(room, size)


def rooms(members: tuple[Member, ...]) -> dict[int, tuple[Member, ...]]:
    """The members of each room, by the room's id."""
    by_room: dict[int, list[Member]] = {}
    for member in members:
        by_room.setdefault(member.room, []).append(member)
    return {room: tuple(present) for room, present in by_room.items()}
