"""Who sits where: a user's index decides room and cohort, in whatever process the user runs."""

from __future__ import annotations

from dataclasses import dataclass

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
    """All users by index. Rooms are filled one after another, the last one may stay smaller.

    Cohorts are interleaved: each user goes to the cohort that is furthest behind its share, so
    that every room, and any number of users that have started, is mixed as the whole is.
    """
    counts = [0] * len(scenario.cohorts)
    members = []
    for user in range(scenario.load.users):
        behind = [c.share * (user + 1) - n for c, n in zip(scenario.cohorts, counts, strict=True)]
        chosen = behind.index(max(behind))
        counts[chosen] += 1
        room = FIRST_ROOM + user // scenario.load.room_size
        members.append(Member(user, room, scenario.cohorts[chosen]))
    return tuple(members)


def rooms(members: tuple[Member, ...]) -> dict[int, tuple[Member, ...]]:
    """The members of each room, by the room's id."""
    by_room: dict[int, list[Member]] = {}
    for member in members:
        by_room.setdefault(member.room, []).append(member)
    return {room: tuple(present) for room, present in by_room.items()}
