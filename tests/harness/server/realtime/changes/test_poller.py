from __future__ import annotations

import asyncio

from harness.server.defects import Defect, Defects
from harness.server.knobs import Knobs
from harness.server.realtime.changes.poller import Poller
from harness.server.storage.model import Change
from harness.server.switches import Switches, Turn
from tests.harness.server.builders import change, row
from tests.harness.server.realtime.memory import run_hastily


def changes(first: int, last: int) -> tuple[Change, ...]:
    return tuple(change(seq=seq, row_id=seq) for seq in range(first, last + 1))


class Sink:
    def __init__(self, last: int) -> None:
        self.got: list[int] = []
        self._last = last
        self.done = asyncio.Event()

    def __call__(self, one: Change) -> bool:
        self.got.append(one.commit.seq)
        if one.commit.seq == self._last:
            self.done.set()
        return True


async def polled(
    batches: list[tuple[Change, ...]], *, last: int, defects: Defects = frozenset()
) -> list[int]:
    """The ``seq`` of what came out until ``last`` did."""
    sink = Sink(last)
    switches = Switches(Knobs(poll_interval_s=0.0), defects)
    poller = Poller(sink, switches, asyncio.get_running_loop().time)
    running = asyncio.create_task(poller.run())
    async with asyncio.timeout(10):
        for batch in batches:
            poller.committed(batch)
            await asyncio.sleep(0)
        await sink.done.wait()
    running.cancel()
    return sink.got


def test_changes_leave_in_commit_order() -> None:
    batches = [changes(1, 250), changes(251, 251), changes(252, 260)]

    assert asyncio.run(polled(batches, last=260)) == list(range(1, 261))


def test_a_commit_wakes_a_poller_that_sleeps() -> None:
    async def run() -> list[int]:
        sink = Sink(1)
        poller = Poller(sink, Switches(Knobs(poll_interval_s=0.0)), lambda: 0.0)
        running = asyncio.create_task(poller.run())
        for _ in range(5):
            await asyncio.sleep(0)
        poller.committed(changes(1, 1))
        async with asyncio.timeout(10):
            await sink.done.wait()
        running.cancel()
        return sink.got

    assert asyncio.run(run()) == [1]


def test_what_a_defect_holds_back_is_released_without_another_commit() -> None:
    defects = frozenset({Defect.EVENTS_REORDERED})

    async def run() -> list[int]:
        sink = Sink(1)
        clock_s = [0.0]
        poller = Poller(sink, Switches(Knobs(poll_interval_s=0.0), defects), lambda: clock_s[0])
        running = asyncio.create_task(poller.run())
        poller.committed(changes(1, 1))
        for _ in range(5):
            await asyncio.sleep(0)
        assert sink.got == []
        clock_s[0] = 2.0
        poller.committed(changes(2, 2))
        async with asyncio.timeout(10):
            await sink.done.wait()
        running.cancel()
        return sink.got

    assert asyncio.run(run()) == [2, 1]


def test_what_a_defect_holds_back_is_released_at_once_when_it_is_taken_away() -> None:
    switches = Switches(Knobs(poll_interval_s=0.0), frozenset({Defect.EVENTS_REORDERED}))

    async def run() -> list[int]:
        sink = Sink(1)
        poller = Poller(sink, switches, lambda: 0.0)
        running = asyncio.create_task(poller.run())
        poller.committed(changes(1, 1))
        for _ in range(5):
            await asyncio.sleep(0)
        assert sink.got == []
        switches.turn(Turn(defects=[]))
        async with asyncio.timeout(10):
            await sink.done.wait()
        running.cancel()
        return sink.got

    assert asyncio.run(run()) == [1]


def test_a_repeated_send_is_broadcast_again_under_its_defect_alone() -> None:
    async def run(defects: Defects) -> list[Change]:
        got: list[Change] = []

        def sink(one: Change) -> bool:
            got.append(one)
            return True

        poller = Poller(sink, Switches(Knobs(poll_interval_s=0.0), defects), lambda: 5.0)
        running = asyncio.create_task(poller.run())
        poller.repeated(row(901))
        for _ in range(5):
            await asyncio.sleep(0)
        running.cancel()
        return got

    (again,) = asyncio.run(run(frozenset({Defect.REBROADCAST_ON_RETRY})))
    assert (again.commit.op, again.row, again.commit.committed_s) == ("INSERT", row(901), 5.0)
    assert asyncio.run(run(frozenset())) == []


def test_a_turn_wakes_a_poller_that_would_sleep_for_long() -> None:
    async def run() -> list[int]:
        sink = Sink(1)
        switches = Switches(Knobs(poll_interval_s=10_000.0))
        loop = asyncio.get_running_loop()
        poller = Poller(sink, switches, loop.time)
        running = asyncio.create_task(poller.run())
        await asyncio.sleep(1.0)
        poller.committed(changes(1, 1))
        await asyncio.sleep(1.0)
        assert sink.got == []
        switches.turn(Turn({"poll_interval_s": 0.1}))
        await asyncio.sleep(1.0)
        running.cancel()
        return sink.got

    assert run_hastily(run()) == [1]
