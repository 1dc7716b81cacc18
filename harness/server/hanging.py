"""Answers that never come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from harness.server.defects import Defect
from harness.server.switches import Switches

Handler = Callable[[Request], Awaitable[Response]]


def hanging(
    handler: Handler, defect: Defect, switches: Switches, stopping: asyncio.Event
) -> Handler:
    """``handler``, which never answers while ``defect`` is planted."""

    async def answer(request: Request) -> Response:
        if switches.has(defect):
            await never_answer(request, stopping)
        return await handler(request)

    return answer


async def never_answer(request: Request, stopping: asyncio.Event) -> NoReturn:
    """Wait until the client has given up or the server stops; nothing is kept for longer.

    Raises 503, which only a server that stops still sends to somebody.
    """
    waits = [
        asyncio.ensure_future(_disconnected(request)),
        asyncio.ensure_future(stopping.wait()),
    ]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    raise HTTPException(503, "the server stops")


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
