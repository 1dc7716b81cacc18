"""Does the relay still answer? One that ends says so itself; one that stands still does not."""

from __future__ import annotations

import asyncio

from chaos.relay.client import RelayApi
from harness.errors import RigError

_PERIOD_S = 0.5
PATIENCE_S = 3.0


async def relay_gone(api: RelayApi, *, patience_s: float = PATIENCE_S) -> str:
    """Wait until it has not answered for so long, or cannot be reached; then say which."""
    while True:
        try:
            async with asyncio.timeout(patience_s):
                await api.listeners()
        except TimeoutError:
            return f"the relay has not answered for {patience_s:g} s"
        except RigError as error:
            return f"the relay is gone: {error}"
        await asyncio.sleep(_PERIOD_S)
