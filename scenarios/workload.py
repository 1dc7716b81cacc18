"""Who sends what when: an open plan, fixed before the run by scenario and seed.

A slow system cannot slow the plan down; it can only fall behind it. Each purpose draws from a
stream of its own (arrivals, senders and texts of each room), so that one more draw in one place
moves nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b
from typing import TypeVar

from harness.runsettings import PlannedAct, PlannedSend
from harness.seeds import child_seed, stream
from scenarios.chatlines import chat_lines
from scenarios.habits import retries_of
from scenarios.model import Scenario
from scenarios.population import Member, population, rooms
from scenarios.turns import Turn, turns


def plan(scenario: Scenario, *, run_id: str) -> tuple[PlannedSend, ...]:
    """Every send of the run, by time; ``at_s`` counts from the beginning of the load.

    Where a room wants more than its people can write under S6, its sends queue up; those whose
    turn comes after the load's end stay in the plan, and the record counts them as skipped.

    The same scenario and seed give the same plan but for ``client_msg_id``, which ``run_id``
    namespaces: a second run against the same database must not look like retries (S5).
    """
    everybody = population(scenario)
    lines = chat_lines(child_seed(scenario.seed, "workload", "lines"))
    drafts: list[Turn] = []
    for room, members in rooms(everybody).items():
        drafts += turns(scenario, room, members, lines)
    drafts.sort()
    numbers = dict.fromkeys(range(scenario.load.users), 0)
    sends = []
    for turn in drafts:
        number = numbers[turn.user]
        numbers[turn.user] += 1
        sends.append(
            PlannedSend(
                user=turn.user,
                number=number,
                room=turn.room,
                at_s=turn.at_s,
                client_msg_id=client_msg_id(run_id, scenario.seed, turn.user, number),
                body=turn.body,
                second_click=turn.second_click,
                retry_after_s=_retries(scenario, everybody[turn.user], turn, number),
            )
        )
    return tuple(sends)


def _retries(scenario: Scenario, member: Member, turn: Turn, number: int) -> tuple[float, ...]:
    """The waits before the author of a message sends it again, should it fail. A stream for each
    message, so that no failure moves the waits of another. Of a double click, nobody sends the
    second one again."""
    retries = retries_of(member.persona.name, scenario.load.retries)
    if retries is None or turn.second_click:
        return ()
    rng = stream(scenario.seed, "workload", "retries", member.user, number)
    waits = (retries.after_s * rng.uniform(0.5, 1.5) for _ in range(retries.at_most))
    return tuple(round(wait_s, 3) for wait_s in waits)


Planned = TypeVar("Planned", PlannedSend, PlannedAct)


def plan_of(planned: tuple[Planned, ...], users: Collection[int]) -> dict[int, tuple[Planned, ...]]:
    """The sends (or acts) of each of ``users`` by time; who has none has an empty tuple."""
    own: dict[int, list[Planned]] = {user: [] for user in users}
    for one in planned:
        if one.user in own:
            own[one.user].append(one)
    return {user: tuple(ones) for user, ones in own.items()}


def client_msg_id(run_id: str, seed: int, user: int, number: int) -> str:
    """A UUID of version 8 (RFC 9562: bits of our own making), which S7's pattern accepts."""
    text = "\x1f".join((run_id, str(seed), str(user), str(number)))
    bits = int.from_bytes(blake2b(text.encode(), digest_size=16).digest(), "big")
    bits = bits & ~(0xF << 76) | (0x8 << 76)  # version
    bits = bits & ~(0x3 << 62) | (0x2 << 62)  # variant
    digits = f"{bits:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
