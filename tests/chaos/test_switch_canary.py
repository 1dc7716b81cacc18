from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from chaos.faults.server.switches import Switches, Turned
from chaos.history import HistoryEntry, Step
from chaos.receipts import receipts
from chaos.switch_canary import looked_for, watch_switches
from harness.errors import RigError
from harness.receipts import Probe, Receipt

BASE = Switches(knobs={"plan": "off"}, defects=frozenset())


def faults(*tables: dict[str, Any]) -> tuple[ScheduledFault, ...]:
    rest = {"at_s": 0, "for_s": 5}
    return parse_faults(
        [{**rest, **table} for table in tables], where="x.toml", cohorts=("a",), seed=1
    )


TWICE = {"name": "twice", "kind": "server", "defects": ["event-twice"]}
PLAN = {"name": "plan", "kind": "server", "knobs": {"plan": "free"}}
MUTE = {"name": "mute", "kind": "mute"}


def test_only_faults_without_another_proof_are_looked_for() -> None:
    assert looked_for(faults(TWICE, PLAN, MUTE)) == {
        "switches-twice": Turned(defects=frozenset(("event-twice",))),
        "switches-plan": Turned(knobs={"plan": "free"}),
    }


def test_each_look_is_one_probe_for_each_fault() -> None:
    answers: list[Switches | RigError] = [
        BASE,
        Switches(knobs={"plan": "free"}, defects=frozenset()),
        RigError("server: GET /switches: gone"),
        Switches(knobs={"plan": "free"}, defects=frozenset(("event-twice", "mute"))),
    ]
    told: list[Probe] = []

    async def read() -> Switches:
        if not answers:
            raise asyncio.CancelledError
        answer = answers.pop(0)
        if isinstance(answer, RigError):
            raise answer
        return answer

    async def run() -> None:
        wanted = looked_for(faults(TWICE, PLAN))
        await watch_switches(read, wanted, clock=lambda: 1.0, sink=told.append, period_s=0)

    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(run())
    seen = [(probe.proxy.removeprefix("switches-"), probe.outcome) for probe in told]
    assert seen == [
        *(("twice", "ok"), ("plan", "ok")),
        *(("twice", "ok"), ("plan", "turned")),
        *(("twice", "unanswered"), ("plan", "unanswered")),
        *(("twice", "turned"), ("plan", "turned")),
    ]
    assert told[4].detail == "server: GET /switches: gone"


def judged(
    scheduled: Sequence[ScheduledFault], *, off_from_s: float | None = None
) -> dict[str, Receipt]:
    """As the director and the canary have it who do all on the second; the first fault is turned
    off by somebody at ``off_from_s``."""
    begin: tuple[Step, ...] = ("requested", "applied")
    end: tuple[Step, ...] = ("heal_requested", "heal_applied")
    history = [
        HistoryEntry(t_s=t_s, fault=fault.name, what=what)
        for fault in scheduled
        for t_s, steps in ((fault.at_s, begin), (fault.end_s, end))
        for what in steps
    ]
    probes = []
    for number in range(-50, 300):
        t_s = number / 10
        for fault in scheduled:
            on = fault.at_s <= t_s < fault.end_s
            if fault is scheduled[0] and off_from_s is not None and t_s >= off_from_s:
                on = False
            probes.append(
                Probe(
                    proxy=f"switches-{fault.name}",
                    kind="switches",
                    sent_s=t_s,
                    outcome="turned" if on else "ok",
                    answered_s=t_s,
                )
            )
    found = receipts(scheduled, history, probes, load_begins_at_s=0)
    return {receipt.fault: receipt for receipt in found}


def test_switched_faults_that_overlap_have_each_its_own_edges() -> None:
    found = judged(faults({**TWICE, "at_s": 2, "for_s": 8}, {**PLAN, "at_s": 5, "for_s": 10}))
    assert {name: receipt.problems for name, receipt in found.items()} == {"twice": (), "plan": ()}
    assert (found["twice"].first_effect_s, found["twice"].healed_s) == (2, 10)
    assert (found["plan"].first_effect_s, found["plan"].healed_s) == (5, 15)


def test_a_switch_that_is_off_before_its_end_is_no_proof() -> None:
    found = judged(faults({**TWICE, "at_s": 2, "for_s": 8}), off_from_s=5)
    (problem,) = found["twice"].problems
    assert problem.en == "switches-twice was no longer hit from 5.10 s before its end on"
