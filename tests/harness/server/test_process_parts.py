"""What of the process can be seen without starting one."""

from __future__ import annotations

import asyncio

import pytest

from harness.server.process import origin_of, set_from_thread


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1", "http://127.0.0.1:4000"),
        ("chat.test", "http://chat.test:4000"),
        ("::1", "http://[::1]:4000"),
    ],
)
def test_the_origin_of_a_server_is_a_url_whatever_its_host(host: str, origin: str) -> None:
    assert origin_of(host, 4000) == origin


def test_a_thread_stops_a_server_that_runs() -> None:
    async def stopped() -> bool:
        stopping = asyncio.Event()
        await asyncio.to_thread(set_from_thread, stopping, asyncio.get_running_loop())
        return await asyncio.wait_for(stopping.wait(), 10)

    assert asyncio.run(stopped())


def test_the_end_of_the_parent_after_the_end_of_the_server_is_no_error() -> None:
    loop = asyncio.new_event_loop()
    loop.close()

    set_from_thread(asyncio.Event(), loop)
