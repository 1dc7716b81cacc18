"""Plays faults on the relay, and checks every step in its own list."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from chaos.actuators.model import Changes
from chaos.faults.model import Change
from chaos.faults.schedule import ScheduledFault
from chaos.relay.client import RelayApi
from chaos.relay.reports import ListenerState
from chaos.relay.rules import Rule
from harness.errors import RigError

_T = TypeVar("_T")

CALL_LIMIT_S = 5.0


class RelayActuator:
    """An :class:`~chaos.actuators.model.Actuator` over one relay's control port. Its listeners
    have the names of the proxies that they stand behind."""

    def __init__(self, api: RelayApi, *, call_limit_s: float = CALL_LIMIT_S) -> None:
        self._api = api
        self._call_limit_s = call_limit_s

    async def prepare(self, faults: Sequence[ScheduledFault]) -> None:
        await self._bounded(self._api.clear(), "clear")
        there = await self._rules()
        for fault in faults:
            for proxy in fault.proxies:
                if proxy not in there:
                    raise RigError(
                        f"relay: fault {fault.name!r} needs a listener behind {proxy!r}; it has:"
                        f" {', '.join(sorted(there)) or 'none'}"
                    )

    async def change(self, fault: ScheduledFault, before: Changes, now: Changes) -> None:
        gone = [_rule(change) for change in before if change not in now]
        new = [_rule(change) for change in now if change not in before]
        for proxy in fault.proxies:
            for rule in gone:
                await self._bounded(self._api.drop(proxy, rule.name), f"{fault.name} on {proxy}")
            for rule in new:
                await self._bounded(self._api.put(proxy, rule), f"{fault.name} on {proxy}")
        there = await self._rules()
        for proxy in fault.proxies:
            held = there.get(proxy, ())
            for rule, wanted in (*((r, False) for r in gone), *((r, True) for r in new)):
                if (rule in held) is not wanted:
                    raise RigError(
                        f"relay: {fault.name} on {proxy} was {'set' if wanted else 'removed'}"
                        f" without an error, but its list shows {held}"
                    )

    async def heal(self) -> None:
        await self._bounded(self._api.clear(), "clear")
        for name, rules in (await self._rules()).items():
            if rules:
                raise RigError(f"relay: {name} was cleared without an error, but shows {rules}")

    async def _rules(self) -> dict[str, tuple[Rule, ...]]:
        """Those that are set, by listener."""
        listeners: tuple[ListenerState, ...]
        listeners = await self._bounded(self._api.listeners(), "list the rules")
        return {each.name: tuple(held.rule for held in each.rules) for each in listeners}

    async def _bounded(self, call: Awaitable[_T], what: str) -> _T:
        try:
            async with asyncio.timeout(self._call_limit_s):
                return await call
        except TimeoutError:
            raise RigError(
                f"relay: no answer within {self._call_limit_s:g} s ({what});"
                " is the machine overloaded?"
            ) from None


def _rule(change: Change) -> Rule:
    if not isinstance(change, Rule):
        raise RigError(f"relay: it cannot play {change}")
    return change
