"""A relay that ends, or that stands still, is noticed."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from chaos.relay.client import RelayClient
from chaos.relay.listener import Route
from chaos.relay.liveness import relay_gone
from chaos.relay.process import relay

pytestmark = pytest.mark.e2e

WITHIN_S = 20.0


@pytest.mark.parametrize(
    ("harm", "words"),
    [(signal.SIGKILL, "the relay is gone: relay: GET /listeners: "), (signal.SIGSTOP, "for 0.5 s")],
)
def test_a_relay_that_is_harmed_is_noticed_and_a_good_one_is_not(
    tmp_path: Path, harm: signal.Signals, words: str
) -> None:
    async def scene() -> str:
        async with (
            relay([Route(name="a-api", host="127.0.0.1", port=9)], tmp_path / "log") as process,
            RelayClient(process.url) as client,
        ):
            watching = asyncio.create_task(relay_gone(client, patience_s=0.5))
            await asyncio.wait({watching}, timeout=2.0)
            assert not watching.done()
            os.kill(process.pid, harm)
            return await asyncio.wait_for(watching, WITHIN_S)

    said = asyncio.run(scene())
    assert words in said
    assert not said.endswith(": ")
