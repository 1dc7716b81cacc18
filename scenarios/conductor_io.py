"""What ties the conductor's process to the load that started it: its stdin and its stdout.

Messages go out on stdout, a JSON line each; commands come in on stdin, whose end means that the
load is gone and nothing is left to be done for it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import msgspec

from scenarios.messages import FromConductor

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode

Tell = Callable[[FromConductor], None]
"""Writes one message to the load."""


def take_stdout() -> Tell:
    """Standard output for the messages alone: what else is printed, by whomever, goes to stderr."""
    link = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def tell(message: FromConductor) -> None:
        link.write(_encode(message) + b"\n")
        link.flush()

    return tell


class LeftAlone(Exception):
    """The load is gone before the run was over: nothing is left to be done for it."""


class Lifeline(asyncio.StreamReaderProtocol):
    """Reads stdin, and notes when its other end is gone."""

    def __init__(self, reader: asyncio.StreamReader, gone: asyncio.Event) -> None:
        super().__init__(reader)
        self._gone = gone

    def eof_received(self) -> bool | None:
        self._gone.set()
        return super().eof_received()


async def unless_left_alone(work: Coroutine[Any, Any, T], left_alone: asyncio.Event) -> T:
    """Do the work, or give it up at once when the load is gone. Raises :class:`LeftAlone`."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(left_alone.wait())
    await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
    gone.cancel()
    if not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise LeftAlone
    return task.result()
