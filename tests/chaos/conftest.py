"""The real Toxiproxy for the tests that need it, and a loop to call the async API in."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from chaos.toxiproxy.install import ToxiproxySettings, find_toxiproxy
from tests.support.proxied_pair import Rig, rig

Story = Callable[[Rig], Awaitable[None]]
RunStory = Callable[[Story], None]


@pytest.fixture(scope="session")
def toxiproxy_binary() -> Path:
    """The server as the product finds it; the first run on a machine may build it."""
    settings = ToxiproxySettings(location=os.environ.get("CHATQUAKE_TOXIPROXY", ""))
    found = find_toxiproxy(settings, print)
    assert found.path is not None, "CHATQUAKE_TOXIPROXY must name a binary for the tests"
    return found.path


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    """Runs one coroutine after the other, all on the same event loop."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def with_rig(toxiproxy_binary: Path, tmp_path: Path) -> RunStory:
    """Tells a story with one proxy and both ends of what goes through it."""

    def run(story: Story) -> None:
        async def tell() -> None:
            async with rig(toxiproxy_binary, tmp_path / "log") as real:
                await story(real)

        asyncio.run(tell())

    return run
