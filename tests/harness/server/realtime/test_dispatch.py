from __future__ import annotations

import asyncio
from collections.abc import Callable

from harness.server.defects import Defect, Defects
from harness.server.knobs import Knobs
from harness.server.realtime.dispatch import Dispatch
from harness.server.storage.model import Change
from harness.server.switches import Switches
from tests.harness.server.builders import change


def dispatched(
    batches: list[list[Change]], *, defects: Defects = frozenset(), delay_s: float = 0.0
) -> list[int]:
    """The ``seq`` of what came out, in order; every commit is at 1.0, and it is 100.0 now."""

    async def run() -> list[int]:
        out: list[int] = []
        all_in = sum(len(batch) for batch in batches)
        done = asyncio.Event()
        sink = _sink(out, done, last=all_in)
        dispatch = Dispatch(sink, Switches(Knobs(dispatch_delay_s=delay_s), defects), lambda: 100.0)
        running = asyncio.create_task(dispatch.run())
        for batch in batches:
            dispatch.committed(tuple(batch))
        await done.wait()
        running.cancel()
        return out

    return asyncio.run(run())


def _sink(out: list[int], done: asyncio.Event, *, last: int) -> Callable[[Change], None]:
    def sink(one: Change) -> None:
        out.append(one.commit.seq)
        if one.commit.seq == last:
            done.set()

    return sink


def changes(first: int, last: int) -> list[Change]:
    return [change(seq=seq, row_id=seq) for seq in range(first, last + 1)]


def test_changes_leave_in_commit_order() -> None:
    assert dispatched([changes(1, 3), changes(4, 4), changes(5, 9)]) == list(range(1, 10))


def test_a_delay_that_is_over_does_not_hold_anything_up() -> None:
    assert dispatched([changes(1, 3)], delay_s=99.0) == [1, 2, 3]


def test_event_lost_loses_every_twentieth_insert_and_nothing_else() -> None:
    update = change("UPDATE", seq=41)

    out = dispatched([changes(1, 40), [update]], defects=frozenset({Defect.EVENT_LOST}))

    assert out == [seq for seq in range(1, 42) if seq not in (20, 40)]
