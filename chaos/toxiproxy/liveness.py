"""Is the Toxiproxy that we use still there, with our proxies? Asked all the time of any of them.

Our own process tells when it ends; somebody else's does not, and neither does one that is stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from chaos.toxiproxy.model import ToxiproxyApi
from harness.errors import RigError

_PERIOD_S = 0.25
"""A server that is gone is noticed within this: its port refuses."""
_LIST_PERIOD_S = 1.0


async def toxiproxy_gone(api: ToxiproxyApi, ours: Collection[str]) -> str:
    """Wait until it does not answer, or one of ``ours``, its proxies, is gone; then say which.

    A server that hangs is noticed after the patience of ``api``'s calls.
    """
    watchers = (_unreachable(api), _proxy_gone(api, ours))
    tasks = [asyncio.create_task(watcher) for watcher in watchers]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _unreachable(api: ToxiproxyApi) -> str:
    while True:
        try:
            await api.version()
        except RigError as error:
            return f"Toxiproxy is gone: {error}"
        await asyncio.sleep(_PERIOD_S)


async def _proxy_gone(api: ToxiproxyApi, ours: Collection[str]) -> str:
    """Of its list alone: while a toxic is being removed the list may take seconds, and a server
    that answers nothing at all is the other watcher's."""
    while True:
        await asyncio.sleep(_LIST_PERIOD_S)
        try:
            there = await api.proxies()
        except RigError:
            continue
        for name in ours:
            if name not in there:
                return f"proxy {name} is gone from Toxiproxy; somebody has removed it"
