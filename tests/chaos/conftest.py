"""The real Toxiproxy for the tests that need it, and a loop to call the async API in."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.toxiproxy.install import ToxiproxySettings, find_toxiproxy


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
