"""The conductor: ``python -m scenarios.conductor RUN_DIR --lang en``, a child of the load.

Starts the rig, plays the timeline, lets the canary prove it, collects what the server knows, and
audits. Reads :data:`scenarios.messages.ToConductor` from stdin and writes
:data:`scenarios.messages.FromConductor` to stdout. When its stdin ends it heals, stops its
children and goes, whatever happened to the load.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import secrets
import sys
import time
from asyncio import Task
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

import httpx
import msgspec

from chaos import timeline
from chaos.canary_needs import canary_settings
from chaos.director import Director
from chaos.history import HistoryEntry
from harness.clock import monotonic_s
from harness.errors import ChatquakeError, RigError, UsageError
from harness.receipts import Probe, ReceiptBook
from harness.recorder import BlockBuffer, RecordFile
from harness.rundir import RunDir
from harness.runsettings import RunSettings
from harness.tokens import mint_anon
from scenarios.accounts import account_lines, refresh_tokens
from scenarios.conductor_io import LeftAlone, Lifeline, Tell, take_stdout, unless_left_alone
from scenarios.lanes import in_lanes
from scenarios.limits import check_room, lanes_needed, machine_here, raise_fd_limit
from scenarios.messages import (
    Audited,
    Begin,
    Broken,
    CannotRun,
    End,
    FaultsOn,
    Ready,
    ToConductor,
    Told,
)
from scenarios.model import Scenario, load_scenario
from scenarios.people import acts
from scenarios.playing import actuators_of, canaries
from scenarios.progress import Note
from scenarios.proofs import prove
from scenarios.rig import Rig, start_rig
from scenarios.rigwatch import watch_rig
from scenarios.server_canary import without_canary
from scenarios.settings import settings_of
from scenarios.workload import plan

T = TypeVar("T")

_TOGETHER_S = 1.0
"""So long after its parts fail it may take until the rig says which of its processes is gone."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ToConductor).decode


@dataclass
class Evidence:
    """What the conductor gathers while the run goes on."""

    history: list[HistoryEntry] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    on: list[str] = field(default_factory=list)
    """Names of the faults that are on."""


class Conductor:
    """One run's rig, from its start to the audit's end."""

    def __init__(
        self,
        run: RunDir,
        scenario: Scenario,
        language: Literal["en", "ko"],
        left_alone: asyncio.Event,
        tell: Tell,
        *,
        lanes: int = 1,
    ) -> None:
        """``left_alone`` is set when the load's end of stdin is gone; ``lanes``: how many
        Toxiproxies the run takes."""
        self._left_alone = left_alone
        self._tell = tell
        self._run = run
        self._lanes = lanes
        self._scenario = scenario
        self._language = language
        self._evidence = Evidence()
        self._secret = secrets.token_urlsafe(32)
        self._api_key = mint_anon(self._secret, issued_at_unix_s=int(time.time()))
        self._begin: Begin | None = None
        self._made_s = monotonic_s()

    async def conduct(self, stdin: asyncio.StreamReader) -> None:
        """The whole of it. Raises :class:`RigError` where the rig cannot be started."""
        async with AsyncExitStack() as stack:
            rig = await unless_left_alone(
                start_rig(
                    stack,
                    self._scenario,
                    self._run,
                    jwt_secret=self._secret,
                    say=lambda line: self._note("info", f"Toxiproxy: {line}"),
                    lanes=self._lanes,
                ),
                self._left_alone,
            )
            self._scenario = in_lanes(self._scenario, len(rig.lanes))
            settings = settings_of(
                self._scenario,
                run_id=f"{self._run.root.name}-{secrets.token_hex(4)}",
                toxiproxy=rig.lanes[0].toxiproxy_version,
                wall_clock_start=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            )
            self._write_settings(settings)
            planned = plan(self._scenario, run_id=settings.run_id)
            encode_lines = msgspec.json.Encoder().encode_lines
            self._run.write(self._run.plan, encode_lines(planned))
            self._run.write(self._run.acts, encode_lines(acts(self._scenario)))
            self._tell(
                Ready(
                    run_id=settings.run_id,
                    endpoints=rig.endpoints,
                    jwt_secret=self._secret,
                    api_key=self._api_key,
                    refresh_tokens=await self._sign_in(rig),
                )
            )
            end = await self._watch(rig, stdin, settings.run_id)
            await self._collect(rig)
        if self._begin is None:
            return  # the load went away before anything had begun
        settings = msgspec.structs.replace(
            settings,
            processes=self._begin.processes,
            started_at_s=self._begin.started_at_s,
            load_begins_at_s=self._begin.load_begins_at_s,
            load_ends_at_s=self._begin.load_ends_at_s,
            ended_at_s=end.ended_at_s,
            interrupted=end.interrupted,
            broken=tuple(dict.fromkeys((*end.broken, *self._evidence.broken))),
        )
        self._write_settings(settings)
        self._write_receipts(self._begin)
        await self._audit()

    async def _sign_in(self, rig: Rig) -> tuple[str, ...]:
        """The users' refresh tokens, where their access tokens end. Raises :class:`RigError`."""
        if self._scenario.access_token_lifetime_s is None:
            return ()
        try:
            answer = await rig.server.accounts(account_lines(self._scenario))
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise RigError(f"the server did not make the users' accounts: {why}") from None
        return refresh_tokens(answer, self._scenario.load.users)

    # -- while the run goes on ------------------------------------------------------------

    async def _watch(self, rig: Rig, stdin: asyncio.StreamReader, run_id: str) -> End:
        """Canary, samples and timeline, until the load says that it is over."""
        buffer = BlockBuffer("conductor")
        with RecordFile(self._run.events / "conductor.cqr", "conductor") as file:
            watching = canaries(
                rig,
                self._scenario.faults,
                canary_settings(self._scenario.faults, self._api_key),
                jwt_secret=self._secret,
                run_id=run_id,
                sink=self._evidence.probes.append,
            )
            watching["rig watch"] = watch_rig(
                rig.server,
                rig.pids,
                clock=monotonic_s,
                buffer=buffer,
                file=file,
            )
            helpers = {name: asyncio.create_task(work) for name, work in watching.items()}
            try:
                end = await self._listen(rig, stdin, helpers)
            finally:
                for task in helpers.values():
                    task.cancel()
                await asyncio.gather(*helpers.values(), return_exceptions=True)
                file.append(buffer.finish(monotonic_s()))
        return end

    async def _listen(
        self, rig: Rig, stdin: asyncio.StreamReader, helpers: dict[str, Task[None]]
    ) -> End:
        """Until ``End``, or the end of the load's process; faults are healed on return."""
        director: Task[None] | None = None
        watched: dict[Task[object], str] = {rig.ended: "rig"}
        watched |= {task: name for name, task in helpers.items()}
        line = asyncio.create_task(stdin.readline())
        try:
            while True:
                done, _ = await asyncio.wait({line, *watched}, return_when=asyncio.FIRST_COMPLETED)
                if done - {line, rig.ended} and rig.ended in watched:
                    # A part that died is missed by those who call it before its own end is known.
                    await asyncio.wait({rig.ended}, timeout=_TOGETHER_S)
                    done |= {rig.ended} if rig.ended.done() else set()
                for task in sorted(done - {line}, key=lambda task: task is not rig.ended):
                    self._broke(_how_it_ended(watched.pop(task), task))
                if line not in done:
                    continue
                message = _decode(line.result()) if line.result() else _load_died()
                if isinstance(message, End):
                    return message
                self._begin = message
                director = asyncio.create_task(self._direct(rig, message.load_begins_at_s))
                watched[director] = "director"
                line = asyncio.create_task(stdin.readline())
        finally:
            line.cancel()
            if director is not None:
                director.cancel()
                await asyncio.gather(director, return_exceptions=True)

    async def _direct(self, rig: Rig, load_begins_at_s: float) -> None:
        actuators = actuators_of(rig, self._scenario.faults)
        director = Director(actuators, clock=monotonic_s, report=self._happened)
        actions = timeline.plan(self._scenario.faults)
        await director.play(actions, load_begins_at_s=load_begins_at_s)
        await asyncio.Event().wait()  # it has nothing more to do, but has not failed

    def _happened(self, entry: HistoryEntry) -> None:
        evidence = self._evidence
        evidence.history.append(entry)
        match entry.what:
            case "applied":
                evidence.on.append(entry.fault)
                self._note("fault", f"{entry.fault} is on")
            case "heal_applied":
                if entry.fault in evidence.on:
                    evidence.on.remove(entry.fault)
                self._note("fault", f"{entry.fault} is healed")
            case "problem":
                self._note("error", f"{entry.fault}: {entry.detail}")
            case _:
                return
        self._tell(FaultsOn(names=tuple(evidence.on)))

    def _note(self, level: Literal["info", "fault", "error"], text: str) -> None:
        begun_s = self._begin.started_at_s if self._begin is not None else self._made_s
        self._tell(Told(note=Note(t_s=monotonic_s() - begun_s, level=level, text=text)))

    def _broke(self, text: str) -> None:
        self._evidence.broken.append(text)
        self._tell(Broken(text=text))

    # -- afterwards -----------------------------------------------------------------------

    async def _collect(self, rig: Rig) -> None:
        """What the server knows of the users; a server that is gone leaves its database."""
        faults = self._scenario.faults
        try:
            commits = without_canary(await rig.server.commits(), faults)
            self._run.write(self._run.commits, commits)
            subscriptions = without_canary(await rig.server.subscriptions(), faults)
            self._run.write(self._run.subscriptions, subscriptions)
        except httpx.HTTPError as error:
            self._evidence.broken.append(
                f"the server's commit log could not be read: {str(error) or type(error).__name__}"
            )

    def _write_settings(self, settings: RunSettings) -> None:
        self._run.write(self._run.settings, msgspec.json.format(_encode(settings)))

    def _write_receipts(self, begin: Begin) -> None:
        evidence = self._evidence
        book = ReceiptBook(
            receipts=prove(
                self._scenario,
                self._run,
                evidence.history,
                evidence.probes,
                load_begins_at_s=begin.load_begins_at_s,
            ),
            probes=tuple(evidence.probes),
        )
        self._run.write(self._run.receipts, _encode(book))

    async def _audit(self) -> None:
        """Judge and render in a thread; the load's death ends it at once (nothing is running
        any more that would have to be healed)."""
        audit = asyncio.to_thread(audit_and_render, self._run, self._language)
        self._tell(Audited(exit_code=await unless_left_alone(audit, self._left_alone)))


def audit_and_render(run: RunDir, language: Literal["en", "ko"]) -> int:
    """Everything that follows from the run directory; returns the verdict's exit code."""
    from reports.audit import examine, write_results  # noqa: PLC0415 (slow to import)
    from reports.render import render  # noqa: PLC0415 (slow to import)

    examination = examine(run)
    write_results(examination, run)
    audit = examination.audit
    render(audit, run.root, formats=("html", "md", "junit"), language=language)
    return audit.verdict.exit_code


def _load_died() -> End:
    return End(ended_at_s=monotonic_s(), interrupted="the load generator ended without a word")


def _how_it_ended(name: str, task: Task[object]) -> str:
    if task.cancelled():
        return f"{name} was cancelled"
    error = task.exception()
    if error is not None:
        return f"{name}: {str(error) or type(error).__name__}"
    return str(task.result())


async def _main(root: Path, language: Literal["en", "ko"], tell: Tell) -> None:
    stdin, left_alone = asyncio.StreamReader(), asyncio.Event()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: Lifeline(stdin, left_alone), sys.stdin)
    try:
        run = RunDir(root)
        scenario = load_scenario(str(run.scenario))
        raise_fd_limit()
        machine = machine_here()
        check_room(scenario.load.users, machine)
        lanes = lanes_needed(scenario.load.users, machine)
        conductor = Conductor(run, scenario, language, left_alone, tell, lanes=lanes)
        await conductor.conduct(stdin)
    except LeftAlone:
        os._exit(3)  # a thread that still builds or audits for nobody must not hold us up
    except UsageError as error:
        tell(CannotRun(exit_code=2, text=str(error)))
    except ChatquakeError as error:
        tell(CannotRun(exit_code=3, text=str(error)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scenarios.conductor")
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--lang", choices=("en", "ko"), default="en")
    arguments = parser.parse_args()
    asyncio.run(_main(arguments.run_dir, arguments.lang, take_stdout()))


if __name__ == "__main__":
    main()
