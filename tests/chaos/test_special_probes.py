"""The probes that carry many bytes and those that say goodbye, against servers of this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from chaos.lines import Target, farewell, haul, outcome_of

pytestmark = pytest.mark.e2e

WITHIN_S = 10.0
Answer = Callable[[bytes], bytes]


def echoing(head: bytes) -> bytes:
    asked = head.partition(b"Access-Control-Request-Headers: ")[2].partition(b"\r\n")[0]
    return b"HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Headers: %s\r\n\r\n" % asked


def short(_: bytes) -> bytes:
    return b"HTTP/1.1 204 No Content\r\n\r\n"


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[Target, list[int]]]:
    """A server of keep-alive requests; also gives how many bytes each of them had."""
    sizes: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                sizes.append(len(head))
                writer.write(answer(head))
        writer.close()

    async with listening(serve) as target:
        yield target, sizes


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[Target]:
    """A server on 127.0.0.1 whose connections have ended when it is left."""
    served: list[asyncio.Task[None]] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.append(task)
        await serve(reader, writer)

    server = await asyncio.start_server(note, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        try:
            yield Target(proxy="a-api", side="api", host=host, port=port)
        finally:
            await asyncio.wait(served)
            await asyncio.sleep(0)  # the loop closes what was closed in its next round


def told(answer: Answer, probe: Callable[[Target], Awaitable[None]]) -> list[int]:
    async def scene() -> list[int]:
        async with asyncio.timeout(WITHIN_S), serving(answer) as (target, sizes):
            await probe(target)
            return sizes

    return asyncio.run(scene())


@pytest.mark.parametrize("bulk_bytes", [1, 3_999, 4_000, 10_500])
def test_bulk_is_carried_there_and_back_in_heads_that_any_server_takes(bulk_bytes: int) -> None:
    sizes = told(echoing, lambda target: haul(target, "/health", bulk_bytes))
    assert sum(sizes) >= bulk_bytes
    assert max(sizes) < 8_000


def test_bulk_that_does_not_come_back_is_an_error_and_no_answer() -> None:
    with pytest.raises(ValueError, match="bytes came back of 10500") as caught:
        told(short, lambda target: haul(target, "/health", 10_500))
    assert outcome_of(caught.value) == "error"


def test_a_goodbye_ends_when_the_other_end_has_closed_too() -> None:
    assert told(echoing, farewell) == []


def test_a_goodbye_that_is_not_answered_is_not_over() -> None:
    async def scene() -> None:
        async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            await left.wait()
            writer.close()

        left = asyncio.Event()
        async with listening(hold) as target:
            leaving = asyncio.create_task(farewell(target))
            done, _ = await asyncio.wait({leaving}, timeout=0.2)
            assert not done
            left.set()
            await leaving

    asyncio.run(scene())
