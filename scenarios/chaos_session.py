"""What a tester does to the faults of a running rig, and what they are told of it."""

from __future__ import annotations

import asyncio
from collections import Counter

from chaos.faults.schedule import ScheduledFault
from chaos.history import HistoryEntry
from chaos.live import LiveReceipts, Proof
from chaos.switchboard import Switchboard
from harness.clock import monotonic_s
from harness.errors import UsageError
from harness.receipts import Probe
from harness.runsettings import Text
from scenarios import chaos_view as view
from scenarios.chaos_choice import Choice
from scenarios.chaos_commands import Begin, Command, HealAll, Pause, Quit, Show, Turn, parse
from scenarios.chaos_screen import Screen
from scenarios.playing import actuators_of
from scenarios.rig import Rig
from scenarios.typed import Typed

LOOK_PERIOD_S = 0.2


class Session:
    """Commands in, faults on a switchboard, news out. Times shown count from its making."""

    def __init__(
        self, choice: Choice, rig: Rig, screen: Screen, *, typed: Typed, wait_s: float
    ) -> None:
        """A probe is told after ``wait_s`` at the latest."""
        zero_s = monotonic_s()
        self._proved = 0
        self._unproved = 0
        self._choice = choice
        self._screen = screen
        self._typed = typed
        self._faults = {fault.name: fault for fault in choice.scenario.faults}
        self._live = LiveReceipts(zero_s=zero_s, wait_s=wait_s)
        self._board = Switchboard(
            actuators_of(rig, choice.scenario.faults),
            clock=monotonic_s,
            zero_s=zero_s,
            report=self._happened,
        )
        self._times: Counter[str] = Counter()
        """How often each fault was on."""
        self._latest: dict[str, ScheduledFault] = {}
        """By the fault's name, as it was begun last: with a name of its own."""
        self._counting: asyncio.Task[None] | None = None
        self._timeline_runs = False

    @property
    def over(self) -> view.Over:
        """How it went, once it is over."""
        code = 3 if self._unproved else 0
        return view.Over(exit_code=code, proved=self._proved, unproved=self._unproved)

    def probed(self, probe: Probe) -> None:
        self._live.probed(probe)

    async def play(self) -> None:
        """Play what is turned on until cancelled, then heal. Raises :class:`RigError`."""
        await self._board.run(self._choice.scenario.faults)

    def stopped(self) -> None:
        """Somebody wants the end at once."""
        self._say(view.STOPPING)

    async def look(self) -> None:
        """Tell what is new, until cancelled."""
        while True:
            self.tell_news()
            self._screen.foot(self._state())
            await asyncio.sleep(LOOK_PERIOD_S)

    def tell_news(self) -> None:
        for news in self._live.news(monotonic_s()):
            if isinstance(news, Proof):
                self._unproved += bool(news.problems)
                self._proved += not news.problems
            self._screen.show(news)
        if self._timeline_runs and not self._board.playing:
            self._timeline_runs = False
            self._say(view.TIMELINE_OVER)

    async def obey(self, *, countdown_s: float | None) -> None:
        """Take commands until there are no more, or to quit; then end what is on and wait for the
        last receipts."""
        if not self._choice.by_key and countdown_s is None:
            self._say(view.PRESS_ENTER)
        elif not self._choice.by_key:
            self._counting = asyncio.create_task(self._count_down(countdown_s or 0.0))
        try:
            await self._take_commands()
            await self._end()
        finally:
            self._stop_counting()

    async def _take_commands(self) -> None:
        while (text := await self._typed.next()) is not None:
            try:
                command = parse(text, tuple(self._faults), by_key=self._choice.by_key)
                if isinstance(command, Quit):
                    return
                await self._do(command)
            except UsageError as error:
                self._say(Text(en=str(error), ko=str(error)))
        await self._play_out()

    async def _do(self, command: Command | None) -> None:
        match command:
            case Turn(name, on):
                self._turn(name, on)
            case HealAll():
                self._stop_counting()
                self._say(view.HEALING)
                self._board.end_all()
            case Begin():
                self._stop_counting()
                self._begin_timeline()
            case Show():
                self._screen.show(self._state())
            case Pause(for_s):
                await asyncio.sleep(for_s)

    # -- faults ---------------------------------------------------------------------------

    def _turn(self, name: str, on: bool | None) -> None:
        latest = self._latest.get(name)
        is_on = latest is not None and self._board.is_on(latest.name)
        if on is is_on:
            self._say(view.fill(view.IS_SO, name))
        elif is_on and latest is not None:
            self._board.end(latest.name)
        elif latest in self._board.playing:
            self._say(view.fill(view.STILL_ENDING, name))
        else:
            self._begin({name: self._board.now_s})

    def _begin_timeline(self) -> None:
        if self._board.playing:
            self._say(view.RUNS_ALREADY)
            return
        now_s = self._board.now_s
        faults = self._faults.values()
        self._begin({fault.name: now_s + fault.at_s for fault in faults})
        self._timeline_runs = True
        first_s = min(fault.at_s for fault in faults)
        last_s = max(fault.end_s for fault in faults)
        self._say(view.fill(view.BEGINS, f"{first_s:g}", f"{last_s:g}"))

    def _begin(self, at_s: dict[str, float]) -> None:
        """Each at its time, under a name that no receipt has yet.

        Raises :class:`UsageError` where one does not go with what is on.
        """
        again = {
            name: self._faults[name].again(times=self._times[name] + 1, at_s=begin_s)
            for name, begin_s in at_s.items()
        }
        self._board.add(tuple(again.values()))
        self._live.expect(tuple(again.values()))
        self._times.update(again.keys())
        self._latest |= again

    def _happened(self, entry: HistoryEntry) -> None:
        self._live.happened(entry)
        self.tell_news()

    # -- the timeline's begin and the session's end ---------------------------------------

    async def _count_down(self, for_s: float) -> None:
        self._say(view.fill(view.COUNTDOWN, f"{for_s:g}"))
        await asyncio.sleep(for_s)
        self._begin_timeline()

    def _stop_counting(self) -> None:
        if self._counting is not None:
            self._counting.cancel()

    async def _play_out(self) -> None:
        """Nobody will say anything any more: a timeline still goes on to its end."""
        if self._counting is not None:
            await asyncio.wait((self._counting,))
        while self._timeline_runs:
            await asyncio.sleep(LOOK_PERIOD_S)
        if self._choice.by_key and self._board.playing:
            self._say(view.NO_MORE_COMMANDS)

    async def _end(self) -> None:
        self._stop_counting()
        self._board.end_all()
        self._timeline_runs = False
        if self._board.playing or self._live.waiting:
            self._say(view.LAST_RECEIPTS)
        while self._board.playing or self._live.waiting:
            await asyncio.sleep(LOOK_PERIOD_S)

    # -- what is told ---------------------------------------------------------------------

    def _state(self) -> view.State:
        now_s = self._board.now_s
        faults: dict[str, float | None] = dict.fromkeys(self._faults)
        due_s: dict[str, float] = {}
        playing = self._board.playing
        for name, fault in self._latest.items():
            if self._board.is_on(fault.name):
                faults[name] = round(max(0.0, now_s - fault.at_s), 1)
            elif fault in playing and fault.at_s > now_s:
                due_s[name] = round(fault.at_s - now_s, 1)
        return view.State(t_s=self._t_s, by_key=self._choice.by_key, faults=faults, due_s=due_s)

    def _say(self, text: Text) -> None:
        self._screen.show(view.Said(t_s=self._t_s, text=text))

    @property
    def _t_s(self) -> float:
        return round(self._board.now_s, 3)
