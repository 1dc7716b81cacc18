"""Who sends what when: an open plan, fixed before the run by scenario and seed.

A slow system cannot slow the plan down; it can only fall behind it. Each purpose draws from a
stream of its own (arrivals, senders and texts of each room), so that one more draw in one place
moves nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from hashlib import blake2b
from random import Random

from harness.runsettings import PlannedSend
from harness.seeds import child_seed, stream
from scenarios.arrivals import arrivals
from scenarios.chatlines import chat_lines
from scenarios.model import Scenario
from scenarios.population import Member, population, rooms

SEND_MARGIN_S = 0.25
"""Added to S6's pause, so that a send that starts a little late does not make the same person's
next one bounce off the disabled button."""

_Draft = tuple[float, int, int, str]
"""Moment, user, room, text."""


def plan(scenario: Scenario, *, run_id: str) -> tuple[PlannedSend, ...]:
    """Every send of the run, by time; ``at_s`` counts from the beginning of the load.

    Where a room wants more than its people can write under S6, its sends queue up; those whose
    turn comes after the load's end stay in the plan, and the record counts them as skipped.

    The same scenario and seed give the same plan but for ``client_msg_id``, which ``run_id``
    namespaces: a second run against the same database must not look like retries (S5).
    """
    lines = chat_lines(child_seed(scenario.seed, "workload", "lines"))
    drafts: list[_Draft] = []
    for room, members in rooms(population(scenario)).items():
        drafts += _room(scenario, room, members, lines)
    drafts.sort()
    numbers = dict.fromkeys(range(scenario.load.users), 0)
    sends = []
    for at_s, user, room, body in drafts:
        number = numbers[user]
        numbers[user] += 1
        message_id = client_msg_id(run_id, scenario.seed, user, number)
        sends.append(
            PlannedSend(
                user=user, number=number, room=room, at_s=at_s, client_msg_id=message_id, body=body
            )
        )
    return tuple(sends)


def plan_of(
    sends: tuple[PlannedSend, ...], users: Collection[int]
) -> dict[int, tuple[PlannedSend, ...]]:
    """The sends of each of ``users`` by time; somebody who never writes has an empty tuple."""
    own: dict[int, list[PlannedSend]] = {user: [] for user in users}
    for send in sends:
        if send.user in own:
            own[send.user].append(send)
    return {user: tuple(planned) for user, planned in own.items()}


def client_msg_id(run_id: str, seed: int, user: int, number: int) -> str:
    """A UUID of version 8 (RFC 9562: bits of our own making), which S7's pattern accepts."""
    text = "\x1f".join((run_id, str(seed), str(user), str(number)))
    bits = int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "big")
    bits = bits & ~(0xF << 76) | (0x8 << 76)  # version
    bits = bits & ~(0x3 << 62) | (0x2 << 62)  # variant
    digits = f"{bits:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _room(
    scenario: Scenario, room: int, members: tuple[Member, ...], lines: tuple[str, ...]
) -> Iterator[_Draft]:
    when = stream(scenario.seed, "workload", "room", room, "arrivals")
    who = stream(scenario.seed, "workload", "room", room, "senders")
    what = stream(scenario.seed, "workload", "room", room, "texts")
    free_at_s = [0.0] * len(members)
    for wanted_s in arrivals(scenario.load, scenario.load_s, when):
        body = what.choice(lines)
        seat, at_s = _sender(free_at_s, wanted_s, who)
        member = members[seat]
        free_at_s[seat] = at_s + member.cohort.policy.send_disabled_s + SEND_MARGIN_S
        yield at_s, member.user, room, body


def _sender(free_at_s: list[float], wanted_s: float, rng: Random) -> tuple[int, float]:
    """Somebody drawn evenly whose send button is not disabled (S6), and when he writes.

    Where all of a small room have just written, the first who may write again does, then.
    """
    if min(free_at_s) > wanted_s:
        soonest_s = min(free_at_s)
        return free_at_s.index(soonest_s), soonest_s
    while True:
        seat = rng.randrange(len(free_at_s))
        if free_at_s[seat] <= wanted_s:
            return seat, wanted_s
