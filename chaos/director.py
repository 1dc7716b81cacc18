"""Plays a timeline against Toxiproxy: the only part of the chaos side that waits for moments.

It resets the proxies before, checks every step in Toxiproxy's own list, and leaves them clean
however it ends. What it did goes out as history, one entry a step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

import msgspec

from chaos.faults.model import Change, Disable
from chaos.faults.schedule import ScheduledFault
from chaos.history import HistoryEntry, Step
from chaos.timeline import Action, Finished, Wait, next_action
from chaos.toxiproxy.model import Proxy, Toxic, ToxiproxyApi
from harness.clock import Clock
from harness.errors import RigError

_T = TypeVar("_T")

Report = Callable[[HistoryEntry], None]
Sleep = Callable[[float], Awaitable[None]]

CALL_LIMIT_S = 15.0
"""A removal may wait for a write to a stuck client (5 s a chunk) before it answers."""


class Director:
    """Applies and heals the faults of one run on one Toxiproxy.

    ``clock`` gives host-monotonic seconds and ``sleep`` waits on the same time. Every step is
    told to ``report`` at once. Use it once: :meth:`play` is its whole life.
    """

    def __init__(
        self,
        api: ToxiproxyApi,
        *,
        clock: Clock,
        report: Report,
        sleep: Sleep = asyncio.sleep,
        call_limit_s: float = CALL_LIMIT_S,
    ) -> None:
        self._api = api
        self._clock = clock
        self._sleep = sleep
        self._report = report
        self._call_limit_s = call_limit_s
        self._active: list[ScheduledFault] = []

    async def play(self, actions: Sequence[Action], *, load_begins_at_s: float) -> None:
        """Take every action of a plan (``chaos.timeline.plan``) at its moment, then return.

        ``load_begins_at_s`` is host-monotonic and time zero of the plan. Raises
        :class:`RigError` at the first thing that Toxiproxy does not do, after the proxies were
        healed; the fault it happened to has a ``problem`` in the history. On cancellation it
        heals too.
        """
        await self._prepare(actions)
        try:
            left = tuple(actions)
            while True:
                match next_action(left, self._clock() - load_begins_at_s):
                    case Action() as action:
                        left = left[1:]
                        await self._take(action)
                    case Wait(until_s):
                        await self._sleep(load_begins_at_s + until_s - self._clock())
                    case Finished():
                        return
        finally:
            if self._active:
                await self._clean_up()

    async def _prepare(self, actions: Sequence[Action]) -> None:
        await self._bounded(self._api.reset(), "reset")
        there = await self._bounded(self._api.proxies(), "list the proxies")
        for action in actions:
            for proxy in action.fault.proxies:
                if proxy not in there:
                    raise RigError(
                        f"toxiproxy: fault {action.fault.name!r} needs proxy {proxy!r}, which"
                        f" does not exist; it has: {', '.join(sorted(there)) or 'none'}"
                    )

    async def _take(self, action: Action) -> None:
        step = self._begin if action.what == "begin" else self._end
        try:
            await step(action.fault)
        except RigError as error:
            self._tell(action.fault, "problem", str(error))
            raise

    async def _begin(self, fault: ScheduledFault) -> None:
        self._active.append(fault)
        self._tell(fault, "requested")
        await self._each_proxy(fault, self._apply)
        await self._verify(fault, present=True)
        self._tell(fault, "applied")

    async def _end(self, fault: ScheduledFault) -> None:
        self._tell(fault, "heal_requested")
        await self._each_proxy(fault, self._undo)
        await self._verify(fault, present=False)
        self._active.remove(fault)
        self._tell(fault, "heal_applied")

    async def _each_proxy(
        self, fault: ScheduledFault, step: Callable[[str, Change], Coroutine[Any, Any, None]]
    ) -> None:
        """Take a step for every change: proxies side by side, the changes of one in order.

        A removal can block its proxy for seconds; the other proxies do not wait for it.
        """

        async def on(proxy: str) -> None:
            for change in fault.changes:
                await self._bounded(step(proxy, change), f"{fault.name} on {proxy}")

        ended = await asyncio.gather(*map(on, fault.proxies), return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error

    async def _apply(self, proxy: str, change: Change) -> None:
        if isinstance(change, Disable):
            await self._api.set_enabled(proxy, False)
        else:
            await self._api.add_toxic(proxy, change)

    async def _undo(self, proxy: str, change: Change) -> None:
        if isinstance(change, Disable):
            await self._api.set_enabled(proxy, True)
        else:
            await self._api.remove_toxic(proxy, change.name)

    async def _verify(self, fault: ScheduledFault, *, present: bool) -> None:
        proxies = await self._bounded(self._api.proxies(), "list the proxies")
        for name in fault.proxies:
            for change in fault.changes:
                if name not in proxies or _is_set(change, proxies[name]) is not present:
                    raise RigError(
                        f"toxiproxy: {fault.name} on {name} was {'set' if present else 'removed'}"
                        f" without an error, but its list shows {proxies.get(name)}"
                    )

    async def _clean_up(self) -> None:
        """Heal what is still on with one reset, which needs no knowledge of how far things got.

        A failure here is told as a problem of each fault concerned. It is not raised: the error
        or cancellation that led here must stay the one that is seen.
        """
        for fault in self._active:
            self._tell(fault, "heal_requested")
        try:
            await self._bounded(self._api.reset(), "reset")
            for fault in self._active:
                await self._verify(fault, present=False)
        except RigError as error:
            for fault in self._active:
                self._tell(fault, "problem", f"not healed at the end of the run: {error}")
            return
        for fault in self._active:
            self._tell(fault, "heal_applied")
        self._active.clear()

    async def _bounded(self, call: Awaitable[_T], what: str) -> _T:
        try:
            async with asyncio.timeout(self._call_limit_s):
                return await call
        except TimeoutError:
            raise RigError(
                f"toxiproxy: no answer within {self._call_limit_s:g} s ({what});"
                " is the machine overloaded?"
            ) from None

    def _tell(self, fault: ScheduledFault, what: Step, detail: str = "") -> None:
        self._report(HistoryEntry(t_s=self._clock(), fault=fault.name, what=what, detail=detail))


def _is_set(change: Change, proxy: Proxy) -> bool:
    if isinstance(change, Disable):
        return not proxy.enabled
    return any(_same(change, toxic) for toxic in proxy.toxics)


def _same(ours: Toxic, theirs: Toxic) -> bool:
    """Toxiproxy keeps the toxicity as a 32-bit float, so 1/3 comes back rounded."""
    rounded = msgspec.structs.replace(theirs, toxicity=ours.toxicity)
    return ours == rounded and abs(ours.toxicity - theirs.toxicity) < 1e-6
