"""Plays faults on a Toxiproxy, and checks every step in its own list."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterable, Sequence
from typing import TypeVar

import msgspec

from chaos.actuators.model import Changes
from chaos.changes import ChangeStep, steps_between
from chaos.faults.model import Change, Disable
from chaos.faults.schedule import ScheduledFault
from chaos.toxiproxy.model import Proxy, Toxic, ToxiproxyApi
from harness.errors import RigError

_T = TypeVar("_T")

CALL_LIMIT_S = 15.0
"""A removal may wait for a write to a stuck client (5 s a chunk) before it answers."""


class ProxyActuator:
    """An :class:`~chaos.actuators.model.Actuator` over one Toxiproxy's API.

    ``ours`` are the names of the proxies that it may heal, for a Toxiproxy that others use too;
    all, where there are none.
    """

    def __init__(
        self,
        api: ToxiproxyApi,
        *,
        ours: Collection[str] | None = None,
        call_limit_s: float = CALL_LIMIT_S,
    ) -> None:
        self._api = api
        self._ours = ours
        self._call_limit_s = call_limit_s

    async def prepare(self, faults: Sequence[ScheduledFault]) -> None:
        await self.heal()
        there = await self._proxies()
        for fault in faults:
            for proxy in fault.proxies:
                if proxy not in there:
                    raise RigError(
                        f"toxiproxy: fault {fault.name!r} needs proxy {proxy!r}, which does not"
                        f" exist; it has: {', '.join(sorted(there)) or 'none'}"
                    )

    async def change(self, fault: ScheduledFault, before: Changes, now: Changes) -> None:
        """Proxies side by side, the steps of one in order: a removal can block its proxy for
        seconds, and the others do not wait for it."""
        gone = [change for change in before if change not in now]
        new = [change for change in now if change not in before]
        steps = steps_between(before, now)

        async def on(proxy: str) -> None:
            for step in steps:
                await self._bounded(self._take(proxy, step), f"{fault.name} on {proxy}")

        await _all_of(map(on, fault.proxies))
        await self._verify(fault, gone=gone, new=new)

    async def heal(self) -> None:
        """By Toxiproxy's own list, which needs no knowledge of how far things got.

        Its ``/reset`` would not do: it takes the toxics away in the order in which they came, and
        the first is stuck for good if a later one holds its data back.
        """
        await _all_of(map(self._heal, (await self._our_proxies()).values()))
        for name, proxy in (await self._our_proxies()).items():
            if not proxy.enabled or proxy.toxics:
                raise RigError(f"toxiproxy: {name} was healed without an error, but shows {proxy}")

    async def _heal(self, proxy: Proxy) -> None:
        what = f"heal {proxy.name}"
        for toxic in reversed(proxy.toxics):
            await self._bounded(self._api.remove_toxic(proxy.name, toxic.name), what)
        if not proxy.enabled:
            await self._bounded(self._api.set_enabled(proxy.name, True), what)

    async def _take(self, proxy: str, step: ChangeStep) -> None:
        if step.what == "undo":
            await self._undo(proxy, step.change)
        elif step.what == "update" and isinstance(step.change, Toxic):
            await self._api.update_toxic(proxy, step.change)
        else:
            await self._apply(proxy, step.change)

    async def _apply(self, proxy: str, change: Change) -> None:
        if isinstance(change, Disable):
            await self._api.set_enabled(proxy, False)
        else:
            await self._api.add_toxic(proxy, _toxic(change))

    async def _undo(self, proxy: str, change: Change) -> None:
        if isinstance(change, Disable):
            await self._api.set_enabled(proxy, True)
        else:
            await self._api.remove_toxic(proxy, _toxic(change).name)

    async def _verify(
        self, fault: ScheduledFault, *, gone: Sequence[Change], new: Sequence[Change]
    ) -> None:
        there = await self._proxies()
        for name in fault.proxies:
            proxy = there.get(name)
            for change, present in (*((c, False) for c in gone), *((c, True) for c in new)):
                if proxy is None or _is_set(change, proxy) is not present:
                    raise RigError(
                        f"toxiproxy: {fault.name} on {name} was {'set' if present else 'removed'}"
                        f" without an error, but its list shows {proxy}"
                    )

    async def _proxies(self) -> dict[str, Proxy]:
        return await self._bounded(self._api.proxies(), "list the proxies")

    async def _our_proxies(self) -> dict[str, Proxy]:
        there = await self._proxies()
        return {n: p for n, p in there.items() if self._ours is None or n in self._ours}

    async def _bounded(self, call: Awaitable[_T], what: str) -> _T:
        try:
            async with asyncio.timeout(self._call_limit_s):
                return await call
        except TimeoutError:
            raise RigError(
                f"toxiproxy: no answer within {self._call_limit_s:g} s ({what});"
                " is the machine overloaded?"
            ) from None


async def _all_of(steps: Iterable[Awaitable[None]]) -> None:
    """All side by side to their ends; then the first error."""
    for error in await asyncio.gather(*steps, return_exceptions=True):
        if error is not None:
            raise error


def _is_set(change: Change, proxy: Proxy) -> bool:
    if isinstance(change, Disable):
        return not proxy.enabled
    return any(_same(_toxic(change), toxic) for toxic in proxy.toxics)


def _toxic(change: Change) -> Toxic:
    if not isinstance(change, Toxic):
        raise RigError(f"toxiproxy: it cannot play {change}")
    return change


def _same(ours: Toxic, theirs: Toxic) -> bool:
    """Toxiproxy keeps the toxicity as a 32-bit float, so 1/3 comes back rounded."""
    rounded = msgspec.structs.replace(theirs, toxicity=ours.toxicity)
    return ours == rounded and abs(ours.toxicity - theirs.toxicity) < 1e-6
