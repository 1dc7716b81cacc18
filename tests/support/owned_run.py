"""A run's coordinator with everything around it, and what the processes send to it."""

from __future__ import annotations

from pathlib import Path

import gevent
import msgspec

from harness.recorder import BlockBuffer
from harness.records import PageOpened
from harness.rundir import RunDir
from scenarios.coordinator import Coordinator
from scenarios.generator import Blocks, Status
from scenarios.messages import End
from scenarios.progress import Note, Progress
from tests.support.fake_runtime import (
    FakeConductor,
    FakeEnvironment,
    FakeRunner,
    ManualClock,
    small_scenario,
)

USERS = 3
SCENARIO = small_scenario(USERS)


class Owned:
    """A coordinator and everything around it."""

    def __init__(self, root: Path, conductor: FakeConductor) -> None:
        self.run = RunDir.create(root)
        self.conductor = conductor
        self.environment = FakeEnvironment()
        self.shown: list[Progress] = []
        self.stops = 0
        self.coordinator = Coordinator(
            SCENARIO,
            self.run,
            environment=self.environment,
            language="en",
            show=self.shown.append,
            stop=self._stop,
        )

    def _stop(self) -> None:
        self.stops += 1

    def begun(self, workers: int = 1) -> Coordinator:
        self.coordinator.prepare()
        self.coordinator.begin(workers)
        return self.coordinator

    @property
    def runner(self) -> FakeRunner:
        return self.environment.runner

    @property
    def end(self) -> End:
        (end,) = [message for message in self.conductor.told if isinstance(message, End)]
        return end

    def notes(self) -> list[str]:
        return [each.text for each in self.shown if isinstance(each, Note)]

    def ending(self) -> Progress:
        return self.shown[-1]


def messages(process: str, count: int) -> list[Blocks]:
    """A whole record of a process in so many messages."""
    buffer, made = BlockBuffer(process), []
    for number in range(1, count):
        event = PageOpened(t_s=float(number), user=number, user_id="u", room=1, cohort="c")
        buffer.event(event)
        made.append(Blocks(process=process, number=number, content=buffer.drain()))
    last = buffer.finish(float(count))
    return [*made, Blocks(process=process, number=count, content=last, last=True)]


def status(process: str, **counts: int) -> Status:
    none = {name: 0 for name in Status.__struct_fields__ if name != "process"}
    return msgspec.convert({"process": process} | none | counts, Status)


def run_its_time(clock: ManualClock) -> None:
    clock.now_s += SCENARIO.duration_s


def pass_control() -> None:
    """Let the greenlets run that are due."""
    gevent.sleep(0)
