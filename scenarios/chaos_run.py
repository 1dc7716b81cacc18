"""``chatquake chaos``: the rig of a run without a load, for a tester's own browser, until it is
told to end. Ctrl-C heals and stops everything; if we are killed our children go by themselves."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import tempfile
import time
from asyncio import Task
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.canary_needs import canary_settings, told_soon
from harness.errors import RigError
from harness.receipts import Probe
from harness.rundir import RunDir
from harness.tokens import mint_anon
from scenarios import chaos_view as view
from scenarios.chaos_choice import Choice
from scenarios.chaos_pages import direct_page, pages
from scenarios.chaos_screen import Screen
from scenarios.chaos_session import Session
from scenarios.conductor_io import LeftAlone, unless_left_alone
from scenarios.playing import canaries
from scenarios.rig import Rig, start_rig
from scenarios.typed import terminal_restorer, typed

FIRST_PROBES_WITHIN_S = 15.0
_USUAL_S = 1.5
"""Of good probes before the first fault: what is usual has to be known."""
_ROOT_CAUSE_WITHIN_S = 1.0
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""SIGHUP: the terminal is closed."""


@dataclass(frozen=True, kw_only=True)
class ChaosSettings:
    """How it is shown and driven."""

    language: view.Language = "en"
    countdown_s: float | None = None
    """Until the timeline begins by itself."""
    keys: bool = True
    """A terminal gives single keys, not lines."""


def run(
    choice: Choice, screen: Screen, settings: ChaosSettings, *, say: Callable[[str], None]
) -> int:
    """Play until the end; returns 0, or 3 where a fault was not proved.

    ``say`` hears how Toxiproxy is found. Raises :class:`RigError` where the rig cannot be started
    or breaks; its logs are then kept, and named.
    """
    folder = Path(tempfile.mkdtemp(prefix="chatquake-chaos-"))
    try:
        over = asyncio.run(_play(choice, screen, settings, RunDir.create(folder / "rig"), say))
    except LeftAlone:
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(130)  # a thread that still builds Toxiproxy for nobody must not hold us up
    except RigError as error:
        raise RigError(f"{error} (logs: {folder / 'rig' / 'logs'})") from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder)
    screen.show(over)
    return over.exit_code


async def _play(
    choice: Choice,
    screen: Screen,
    settings: ChaosSettings,
    run: RunDir,
    say: Callable[[str], None],
) -> view.Over:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    faults = choice.scenario.faults
    async with AsyncExitStack() as stack:
        stack.enter_context(_signals(loop, stopping))
        secret = secrets.token_urlsafe(32)
        start = start_rig(stack, choice.scenario, run, jwt_secret=secret, say=say, page=True)
        rig = await unless_left_alone(start, stopping)
        api_key = mint_anon(secret, issued_at_unix_s=int(time.time()))
        probes = _Probes(asyncio.Event(), missing={target.proxy for target in rig.targets})
        probing = told_soon(canary_settings(faults, api_key), faults)
        wait_s = max(probing.answer_timeout_s, probing.request_timeout_s)
        watching = canaries(
            rig,
            faults,
            probing,
            jwt_secret=secret,
            run_id=_run_id(),
            sink=probes,
            live_wait_s=wait_s,
        )
        probers = [asyncio.create_task(work) for work in watching.values()]
        try:
            await unless_left_alone(_first(probes), stopping)
            keyboard = stack.enter_context(typed(loop, keys=settings.keys))
            session = Session(choice, rig, screen, typed=keyboard, wait_s=wait_s)
            probes.go_to(session.probed)
            screen.show(_ready(choice, rig, api_key, settings.language))
            await _until_the_end(session, rig, probers, stopping, settings.countdown_s)
        finally:
            for prober in probers:
                prober.cancel()
            await asyncio.wait(probers)
    return session.over


class _Probes:
    """Where the canary's probes go: kept until there is a session, then to that."""

    def __init__(self, all_good: asyncio.Event, *, missing: set[str]) -> None:
        self.all_good = all_good
        """Set when each proxy has let a probe through."""
        self.missing = missing
        self._early: list[Probe] = []
        self._take: Callable[[Probe], None] = self._early.append

    def __call__(self, probe: Probe) -> None:
        if probe.outcome == "ok":
            self.missing.discard(probe.proxy)
        if not self.missing:
            self.all_good.set()
        self._take(probe)

    def go_to(self, take: Callable[[Probe], None]) -> None:
        for probe in self._early:
            take(probe)
        self._take = take


async def _first(probes: _Probes) -> None:
    """Until it is known what is usual. Raises :class:`RigError` where nothing comes through."""
    try:
        await asyncio.wait_for(probes.all_good.wait(), FIRST_PROBES_WITHIN_S)
    except TimeoutError:
        names = ", ".join(sorted(probes.missing))
        raise RigError(
            f"no probe came through {names} within {FIRST_PROBES_WITHIN_S:g} s"
        ) from None
    await asyncio.sleep(_USUAL_S)


async def _until_the_end(
    session: Session,
    rig: Rig,
    probers: Sequence[Task[None]],
    stopping: asyncio.Event,
    countdown_s: float | None,
) -> None:
    """Until the tester wants no more or something breaks; all is healed on return."""
    board = asyncio.create_task(session.play())
    looking = asyncio.create_task(session.look())
    obeying = asyncio.create_task(session.obey(countdown_s=countdown_s))
    stop = asyncio.create_task(stopping.wait())
    ours: tuple[Task[Any], ...] = (obeying, looking, stop, board)
    try:
        every: set[Task[Any]] = {*ours, *probers, rig.ended}
        done, _ = await asyncio.wait(every, return_when=asyncio.FIRST_COMPLETED)
        if any(task.exception() for task in done):
            # A part that is gone is missed by those who call it before its own end is known.
            await asyncio.wait({rig.ended}, timeout=_ROOT_CAUSE_WITHIN_S)
        if rig.ended.done():
            raise RigError(rig.ended.result())
        for task in done:
            task.result()  # of one that failed: its error
        if stop in done:
            session.stopped()
    finally:
        for task in ours:
            task.cancel()
        await asyncio.wait(ours)
        session.tell_news()


def _run_id() -> str:
    """The canary's own messages must not look like repeated ones of an earlier session."""
    return f"chaos-{secrets.token_hex(4)}"


def _ready(choice: Choice, rig: Rig, api_key: str, language: view.Language) -> view.Ready:
    scenario = choice.scenario
    return view.Ready(
        title=scenario.title if choice.of_scenario else view.BY_KIND,
        by_key=choice.by_key,
        faults={fault.name: fault.summary.sentence for fault in scenario.faults},
        left_out=choice.left_out,
        pages=pages(choice, rig, lang=language),
        direct_page=direct_page(rig, lang=language),
        api_key=api_key,
    )


@contextmanager
def _signals(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> Iterator[None]:
    """The first one ends in order; the second at once, and our children by their lifelines."""
    restore = terminal_restorer()

    def stop() -> None:
        if stopping.is_set():
            restore()
            os._exit(130)
        stopping.set()

    for number in _STOPPING:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in _STOPPING:
            loop.remove_signal_handler(number)
