"""Clean up behind us on somebody else's Toxiproxy: ``python -m chaos.watchdog URL NAME...``.

Our own Toxiproxy ends with its guard, and every fault with it. One that was given by URL goes on
when the conductor is killed, with our proxies and whatever was broken on them. So this small
process waits on its stdin for the end of its parent, however that comes, and then deletes the
proxies of these names. Others are left as they are.

The exit code is 0 when none of them is left, 1 when Toxiproxy did not do it (said on stderr).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from chaos.toxiproxy.client import ToxiproxyClient
from harness.errors import RigError


async def clean_up(url: str, names: Sequence[str]) -> None:
    """Delete those of the proxies that are there. Raises :class:`RigError`."""
    async with ToxiproxyClient(url) as client:
        there = await client.proxies()
        for name in names:
            if name in there:
                await client.delete(name)


def main(arguments: Sequence[str]) -> int:
    """The program: ``URL NAME...``."""
    if len(arguments) < 2:
        print("usage: python -m chaos.watchdog URL NAME...", file=sys.stderr)
        return 2
    url, *names = arguments
    sys.stdin.buffer.read()
    try:
        asyncio.run(clean_up(url, names))
    except RigError as error:
        print(f"watchdog: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
