"""Looks all the time whether the server is as the faults in it want it to be.

For faults whose effect is too rare or too different for a probe of the chat. Each look is one
probe for each of them, on a line of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from chaos.canary import Sink
from chaos.faults.schedule import ScheduledFault, switches_line
from chaos.faults.server.switches import Switches, Turned
from harness.clock import Clock
from harness.errors import RigError
from harness.receipts import Probe, ProbeOutcome

LOOK_EVERY_S = 0.2


def looked_for(faults: Sequence[ScheduledFault]) -> dict[str, Turned]:
    """By line, what is to be found there while a fault is on."""
    return {
        switches_line(fault.name): change
        for fault in faults
        if "switches" in fault.evidence.kinds
        for stage in fault.stages
        for change in stage.changes
        if isinstance(change, Turned)
    }


async def watch_switches(
    read: Callable[[], Awaitable[Switches]],
    wanted: Mapping[str, Turned],
    *,
    clock: Clock,
    sink: Sink,
    period_s: float = LOOK_EVERY_S,
) -> None:
    """Look until cancelled. ``read`` raises :class:`RigError` where the server does not answer."""
    while True:
        sent_s = clock()
        try:
            found = await read()
        except RigError as error:
            for line in wanted:
                sink(_probe(line, sent_s, "unanswered", detail=str(error)[:120]))
        else:
            for line, turned in wanted.items():
                outcome: ProbeOutcome = "turned" if turned.held_by(found) else "ok"
                sink(_probe(line, sent_s, outcome, answered_s=clock()))
        await asyncio.sleep(period_s)


def _probe(
    line: str,
    sent_s: float,
    outcome: ProbeOutcome,
    *,
    answered_s: float | None = None,
    detail: str = "",
) -> Probe:
    return Probe(
        proxy=line,
        kind="switches",
        sent_s=sent_s,
        outcome=outcome,
        answered_s=answered_s,
        detail=detail,
    )
