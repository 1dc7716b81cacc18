"""Plays faults in the reference server: turns its switches, ends and starts its process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from typing import Literal, Protocol, TypeVar

from chaos.actuators.model import Changes
from chaos.faults.schedule import ScheduledFault
from chaos.faults.server.switches import Down, Switches, Turned, composed, difference
from harness.errors import RigError

_T = TypeVar("_T")

CALL_LIMIT_S = 30.0
"""A start of the process has 20 s of its own, an end 5 s."""


class ServerControl(Protocol):
    """What is asked of whoever owns the server. Each raises :class:`RigError` when it cannot."""

    async def switches(self) -> Switches:
        """All of them, as they are now."""
        ...

    async def turn(self, switches: Switches) -> None:
        """Let these hold, and no others."""
        ...

    async def take_down(self, how: Literal["stop", "kill"]) -> None:
        """End the process; it is gone on return."""
        ...

    async def bring_up(self) -> None:
        """Start it anew where it was, ready on return. Nothing where it is up."""
        ...


class ServerActuator:
    """An :class:`~chaos.actuators.model.Actuator` over one server.

    What several faults turn composes on top of what the server was when the run began, its
    *base*. Before each step the switches must still be as the last one left them.
    """

    def __init__(self, server: ServerControl, *, call_limit_s: float = CALL_LIMIT_S) -> None:
        self._server = server
        self._call_limit_s = call_limit_s
        self._base: Switches | None = None
        self._on: dict[str, Changes] = {}
        """By fault, what it changes now."""

    async def prepare(self, faults: Sequence[ScheduledFault]) -> None:  # noqa: ARG002
        """All that a fault needs is there; what holds now is the base."""
        self._base = await self._bounded(self._server.switches(), "its switches")

    async def change(self, fault: ScheduledFault, before: Changes, now: Changes) -> None:
        await self._see_that_it_is(before)
        self._on[fault.name] = now
        if down := _down(now):
            await self._bounded(self._server.take_down(down.how), f"its end for {fault.name}")
            return
        await self._up_and_turned(fault.name)

    async def heal(self) -> None:
        """Whatever was reached: the process up, and its switches the base again."""
        self._on.clear()
        await self._up_and_turned("all faults")

    async def _up_and_turned(self, what: str) -> None:
        """A process that is new knows nothing of the base, so that is turned too."""
        await self._bounded(self._server.bring_up(), f"its return, {what}")
        await self._bounded(self._server.turn(self._wanted()), f"its switches, {what}")
        await self._see_that_it_is(())

    def _wanted(self) -> Switches:
        assert self._base is not None  # prepare comes first
        return composed(self._base, _turned(self._on.values()))

    async def _see_that_it_is(self, changes: Changes) -> None:
        """As all faults together want it; one that is down tells nothing. Raises ``RigError``."""
        if _down(changes):
            return
        found = await self._bounded(self._server.switches(), "its switches")
        if wrong := difference(self._wanted(), found):
            raise RigError(f"server: its switches are not as they were set: {wrong}")

    async def _bounded(self, call: Awaitable[_T], what: str) -> _T:
        try:
            async with asyncio.timeout(self._call_limit_s):
                return await call
        except TimeoutError:
            raise RigError(
                f"server: no answer within {self._call_limit_s:g} s ({what});"
                " is the machine overloaded?"
            ) from None


def _down(changes: Changes) -> Down | None:
    return next((change for change in changes if isinstance(change, Down)), None)


def _turned(every: Iterable[Changes]) -> list[Turned]:
    return [change for changes in every for change in changes if isinstance(change, Turned)]
