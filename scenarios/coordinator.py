"""The one process that owns a run: the master, or the only process.

Prepares the run directory and the conductor, says when the run begins, leases user indices,
writes every process's records, shows the progress, and turns the audit's verdict into the exit
code. It carries no users itself.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gevent
import msgspec
from gevent.event import Event

from harness.clock import monotonic_s
from harness.errors import RigError, UsageError
from harness.recorder import RecordFile
from harness.rundir import RunDir
from scenarios.conductor_link import ConductorLink
from scenarios.generator import Assignment, Blocks, Status
from scenarios.messages import Audited, Begin, Broken, End, FaultsOn, FromConductor, Ready, Told
from scenarios.model import Scenario, to_toml
from scenarios.progress import Failed, Finished, Note, Phase, Progress, Tick

log = logging.getLogger("chatquake")

READY_WITHIN_S = 300.0
"""Toxiproxy may have to be built first."""
AUDIT_WITHIN_S = 600.0
LAST_RECORDS_WITHIN_S = 20.0
TICK_S = 0.5
EARLY_S = 1.0
"""A run that ends more than this before its time was interrupted."""


@dataclass
class _Incoming:
    """The record of one process as it comes in."""

    file: RecordFile
    messages: int = 0
    complete: bool = False


@dataclass
class _Times:
    started_at_s: float = 0.0
    load_begins_at_s: float = 0.0
    load_ends_at_s: float = 0.0
    ends_at_s: float = 0.0


class Coordinator:
    """One run, from :meth:`prepare` to :meth:`finish`."""

    def __init__(
        self,
        scenario: Scenario,
        run: RunDir,
        *,
        environment: Any,
        language: str,
        show: Callable[[Progress], None],
        stop: Callable[[], None],
    ) -> None:
        """``stop`` ends the Locust test early; it is called from a greenlet."""
        self.exit_code = 3
        self._scenario = scenario
        self._run = run
        self._runner = environment.runner
        self._language = language
        self._show = show
        self._stop = stop
        self._times = _Times()
        self._next_index = 0
        self._records: dict[str, _Incoming] = {}
        self._statuses: dict[str, Status] = {}
        self._expected = 1
        self._all_in = Event()
        self._collected = False
        self._faults: tuple[str, ...] = ()
        self._broken: list[str] = []
        self._why = ""
        self._phase: Phase = "preparing"
        self._ticker: Any = None
        self._finished = False
        self._done = Event()
        self._ready: Ready | None = None
        self._conductor: ConductorLink | None = None

    # -- before ---------------------------------------------------------------------------

    def prepare(self) -> None:
        """Start the conductor and wait for its rig. Raises :class:`RigError`, or
        :class:`UsageError` where a setting is wrong."""
        self._run.write(self._run.scenario, to_toml(self._scenario).encode())
        self._conductor = ConductorLink(self._run, self._language, self._heard)
        answer = self._conductor.wait_ready(READY_WITHIN_S)
        if not isinstance(answer, Ready):
            self._finished = True
            self._done.set()
            self._conductor.close()
            raise UsageError(answer.text) if answer.exit_code == 2 else RigError(answer.text)
        self._ready = answer

    def begin(self, workers: int) -> None:
        """The test starts: fix its times and tell everybody."""
        assert self._ready is not None
        assert self._conductor is not None
        scenario = self._scenario
        now_s = monotonic_s()
        self._expected = workers
        self._times = _Times(
            started_at_s=now_s,
            load_begins_at_s=now_s + scenario.load_begins_s,
            load_ends_at_s=now_s + scenario.load_ends_s,
            ends_at_s=now_s + scenario.duration_s,
        )
        self._conductor.tell(
            Begin(
                started_at_s=now_s,
                load_begins_at_s=self._times.load_begins_at_s,
                load_ends_at_s=self._times.load_ends_at_s,
                processes=workers,
            )
        )
        assignment = Assignment(
            scenario_toml=to_toml(scenario),
            ready=self._ready,
            load_begins_at_s=self._times.load_begins_at_s,
            load_ends_at_s=self._times.load_ends_at_s,
            issued_at_unix_s=int(time.time()),
        )
        self._runner.send_message("chatquake.begin", msgspec.to_builtins(assignment))
        self._ticker = gevent.spawn(self._keep_ticking)
        self._end_if_broken()  # of what broke between the rig's start and the test's

    # -- what the processes say -----------------------------------------------------------

    def lease(self, node: str) -> None:
        """``chatquake.lease``: hand out the next user index, or none."""
        index: int | None = None
        if self._next_index < self._scenario.load.users:
            index = self._next_index
            self._next_index += 1
        self._runner.send_message("chatquake.leased", {"index": index}, client_id=node)

    def blocks(self, blocks: Blocks) -> None:
        """``chatquake.blocks``: write them; one that is lost or comes again breaks the run."""
        if self._collected:  # missed already, and the audit reads the files now
            return
        record = self._record_of(blocks.process)
        due, came = record.messages + 1, f"record of {blocks.process}: message {blocks.number} came"
        if record.complete or blocks.number < due:
            self._break(f"{came} twice, or after the last")
            return
        if blocks.number > due:
            self._break(f"{came}, {due} is missing")
        record.messages = blocks.number
        record.file.append(blocks.content)
        if blocks.last:
            record.complete = True
            record.file.close()
            if sum(r.complete for r in self._records.values()) >= self._expected:
                self._all_in.set()

    def _record_of(self, process: str) -> _Incoming:
        if process not in self._records:
            file = RecordFile(self._run.events / f"{process}.cqr", process)
            self._records[process] = _Incoming(file)
        return self._records[process]

    def status(self, status: Status) -> None:
        """``chatquake.status``."""
        self._statuses[status.process] = status

    def crash(self, text: str, trace: str) -> None:
        """``chatquake.crash``: our own code failed in a process."""
        with (self._run.logs / "crashes.log").open("a", encoding="utf-8") as file:
            file.write(f"{text}\n{trace}\n")
        self._break(text)

    def _heard(self, message: FromConductor) -> None:
        match message:
            case FaultsOn(names=names):
                self._faults = names
            case Told(note=note):
                self._show(note)
            case Broken(text=text):
                if not self._finished:
                    self._break(text)
            case _:
                log.warning("unexpected message of the conductor: %s", type(message).__name__)

    def _break(self, text: str) -> None:
        """The rig failed: the run is invalid, so it need not go on."""
        self._broken.append(text)
        self._show(Note(t_s=self._elapsed_s(), level="error", text=text))
        self._end_if_broken()

    def _end_if_broken(self) -> None:
        """Once, and only between the test's start and its end."""
        ending = self._why or self._finished
        if self._broken and self._times.started_at_s and not ending:
            self.interrupt(self._broken[0])
            gevent.spawn(self._stop)

    def interrupt(self, why: str) -> None:
        """Remember why the run ends before its time; the first reason stays."""
        self._why = self._why or why

    # -- progress -------------------------------------------------------------------------

    def _elapsed_s(self) -> float:
        return monotonic_s() - self._times.started_at_s if self._times.started_at_s else 0.0

    def _keep_ticking(self) -> None:
        while True:
            self._tick()
            gevent.sleep(TICK_S)

    def _tick(self) -> None:
        now_s = monotonic_s()
        if not self._finished:
            self._phase = self._phase_at(now_s)
        statuses = self._statuses.values()
        self._show(
            Tick(
                phase=self._phase,
                elapsed_s=self._elapsed_s(),
                left_s=max(0.0, self._times.ends_at_s - now_s),
                users_open=sum(s.users_open for s in statuses),
                users_live=sum(s.users_live for s in statuses),
                users_fallback=sum(s.users_fallback for s in statuses),
                sends=sum(s.sends for s in statuses),
                send_timeouts=sum(s.send_timeouts for s in statuses),
                deliveries=sum(s.deliveries for s in statuses),
                polls=sum(s.polls for s in statuses),
                faults=self._faults,
            )
        )

    def _phase_at(self, now_s: float) -> Phase:
        if now_s >= self._times.load_ends_at_s:
            return "settling"
        if now_s >= self._times.load_begins_at_s:
            return "load"
        if self._next_index >= self._scenario.load.users:
            return "warming up"
        return "spawning"

    # -- after ----------------------------------------------------------------------------

    def finish(self) -> None:
        """Collect the records, let the conductor audit, and know the exit code.

        Done once: a Ctrl-C during the audit comes here again, and waits for its end.
        """
        if self._finished:
            self._done.wait()
            return
        self._finished = True
        try:
            self._finish()
        finally:
            self._done.set()

    def _finish(self) -> None:
        ended_at_s = monotonic_s()
        if not self._times.started_at_s:
            self._close()
            return
        if ended_at_s < self._times.ends_at_s - EARLY_S:
            self.interrupt(
                f"stopped after {ended_at_s - self._times.started_at_s:.0f} of"
                f" {self._scenario.duration_s:g} s"
            )
        self._phase = "stopping" if self._why else "auditing"
        self._collect_records()
        self._audit(ended_at_s)

    def _collect_records(self) -> None:
        self._runner.send_message("chatquake.finish", {})
        if not self._all_in.wait(LAST_RECORDS_WITHIN_S):
            whole = sum(record.complete for record in self._records.values())
            self._broken.append(f"only {whole} of {self._expected} processes sent their record")
        self._collected = True
        for record in self._records.values():
            record.file.close()

    def _audit(self, ended_at_s: float) -> None:
        assert self._conductor is not None
        self._conductor.tell(
            End(ended_at_s=ended_at_s, interrupted=self._why, broken=tuple(self._broken))
        )
        end = self._conductor.wait_end(AUDIT_WITHIN_S)
        self._close()
        if isinstance(end, Audited):
            self.exit_code = 130 if self._why == "interrupted" else end.exit_code
            self._show(Finished(run_dir=str(self._run.root), exit_code=self.exit_code))
        else:
            self.exit_code = end.exit_code
            self._show(Failed(exit_code=end.exit_code, text=end.text))

    def _close(self) -> None:
        if self._ticker is not None:
            self._ticker.kill()
        if self._conductor is not None:
            self._conductor.close()


def progress_pipe() -> Callable[[Progress], None] | None:
    """A writer to the pipe that ``chatquake run`` reads, where it started this process."""
    number = os.environ.get("CHATQUAKE_PROGRESS_FD")
    if number is None:
        return None
    encode = msgspec.json.Encoder().encode
    descriptor = int(number)

    def show(progress: Progress) -> None:
        try:
            os.write(descriptor, encode(progress) + b"\n")
        except BrokenPipeError:
            log.warning("nobody reads the progress any more")

    return show
