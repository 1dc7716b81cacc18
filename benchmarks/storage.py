"""``make bench-storage``: what F4's index and group commit are worth, on both back ends.

Prints tables, then one line of JSON. Exits 1 where a ratio is lost: absolute figures depend on
the machine, ratios do so less.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.storage_backends import (
    CREATED_AT,
    ROOMS_AT_ONCE,
    ROWS,
    USER,
    postgres,
    room_of,
    sqlite,
)
from harness.server.storage.model import Draft, Storage
from tests.support.postgres import Missing

LIMIT = 50
READS = 100
CREATE_S = 5.0
SENDERS = 256
GOAL_CREATES_PER_S = 2_000
LEAST_INDEX_RATIO = 10.0
LEAST_GROUP_RATIO = 1.5
"""Without its cause either ratio is 1; the faster the disk, the less group commit is worth."""

_UNINDEX = "DROP INDEX messages_by_room"


class Reads(msgspec.Struct, frozen=True, kw_only=True):
    """Medians of an incremental read at a million rows, in milliseconds.

    Without F4's index there are the primary key, which reads all later rows of all rooms, and
    the unique key, which begins with the room and reads all of it.
    """

    backend: str
    quiet_ms: float
    """Nothing new in a room that fell quiet: half of all rows came after its last."""
    quiet_unindexed_ms: float
    catch_up_ms: float
    """From a random place in a room that was busy to the end."""
    catch_up_unindexed_ms: float
    ratio: float
    """How many times longer a poll of a quiet room takes without the index."""


class Creates(msgspec.Struct, frozen=True, kw_only=True):
    """Durable creates: answered after the disk flush."""

    backend: str
    senders: int
    creates_per_s: float
    alone_creates_per_s: float
    """By one sender, who waits for each flush."""
    ratio: float
    """What group commit is worth."""
    disk_flush_ms: float
    """The median of this disk's own, for one page."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    reads: tuple[Reads, ...]
    creates: tuple[Creates, ...]


def main() -> int:
    """Measure everything; returns the exit code."""
    reads, creates = [], []
    with tempfile.TemporaryDirectory(prefix="chatquake-bench-") as name:
        folder = Path(name)
        for backend, opened in (("SQLite", sqlite(folder)), ("PostgreSQL", postgres())):
            _say(f"{backend} …")
            try:
                with opened as (storage, load, execute):
                    creates.append(_creates(backend, storage, _disk_flush_ms(folder)))
                    load()
                    reads.append(_reads(backend, storage, execute))
            except Missing as missing:
                _say(f"not measured: {missing}")
    result = Result(reads=tuple(reads), creates=tuple(creates))
    console = Console(width=110)
    console.print(_reads_table(result.reads))
    console.print(_creates_table(result.creates))
    print(msgspec.json.encode(result).decode())
    kept = all(one.ratio >= LEAST_INDEX_RATIO for one in reads) and all(
        one.ratio >= LEAST_GROUP_RATIO for one in creates
    )
    return 0 if kept else 1


def _reads(backend: str, storage: Storage, execute: Callable[[str], None]) -> Reads:
    quiet_ms, catch_up_ms = asyncio.run(_read_ms(storage))
    execute(_UNINDEX)
    quiet_unindexed_ms, catch_up_unindexed_ms = asyncio.run(_read_ms(storage))
    return Reads(
        backend=backend,
        quiet_ms=quiet_ms,
        quiet_unindexed_ms=quiet_unindexed_ms,
        catch_up_ms=catch_up_ms,
        catch_up_unindexed_ms=catch_up_unindexed_ms,
        ratio=quiet_unindexed_ms / quiet_ms,
    )


async def _read_ms(storage: Storage) -> tuple[float, float]:
    chance = random.Random(4)
    quiet, catch_ups = [], []
    for _ in range(READS):
        last = chance.randrange(ROWS // 2 - ROOMS_AT_ONCE, ROWS // 2)
        quiet.append(await _timed_read(storage, room_of(last), last, 0))
        seen = chance.randrange(ROWS // 2, ROWS - LIMIT * ROOMS_AT_ONCE)
        catch_ups.append(await _timed_read(storage, room_of(seen), seen, LIMIT))
    return 1000 * statistics.median(quiet), 1000 * statistics.median(catch_ups)


async def _timed_read(storage: Storage, room: int, after_id: int, expected: int) -> float:
    begin_s = time.perf_counter()
    rows = await storage.rows_after(room, after_id, LIMIT)
    took_s = time.perf_counter() - begin_s
    assert len(rows) == expected, (room, after_id, len(rows))
    return took_s


def _creates(backend: str, storage: Storage, disk_flush_ms: float) -> Creates:
    alone = asyncio.run(_creates_per_s(storage, 1, first_id=0))
    together = asyncio.run(_creates_per_s(storage, SENDERS, first_id=10**9))
    return Creates(
        backend=backend,
        senders=SENDERS,
        creates_per_s=together,
        alone_creates_per_s=alone,
        ratio=together / alone,
        disk_flush_ms=disk_flush_ms,
    )


async def _creates_per_s(storage: Storage, senders: int, first_id: int) -> float:
    ids = iter(range(first_id, first_id + 10**9))
    begin_s = time.perf_counter()
    created = 0

    async def send() -> None:
        nonlocal created
        while time.perf_counter() < begin_s + CREATE_S:
            draft = Draft(
                webinar_id=1,
                user_id=str(USER),
                client_msg_id=str(UUID(int=next(ids))),
                body="a chat line of the usual length, give or take",
                created_at=CREATED_AT,
            )
            await storage.create(draft)
            created += 1

    await asyncio.gather(*(send() for _ in range(senders)))
    return created / (time.perf_counter() - begin_s)


def _disk_flush_ms(folder: Path) -> float:
    took_s = []
    with (folder / "flush").open("wb", buffering=0) as file:
        for _ in range(100):
            file.write(bytes(4096))
            begin_s = time.perf_counter()
            os.fdatasync(file.fileno())
            took_s.append(time.perf_counter() - begin_s)
    return 1000 * statistics.median(took_s)


def _reads_table(reads: tuple[Reads, ...]) -> Table:
    title = f"Incremental read at {ROWS:,} rows in {2 * ROOMS_AT_ONCE} rooms (medians of {READS})"
    table = Table(title=title, title_justify="left")
    table.add_column("figure")
    for one in reads:
        table.add_column(one.backend, justify="right")
    rows = {
        "nothing new in a quiet room, with F4's index": [f"{r.quiet_ms:.2f} ms" for r in reads],
        "nothing new in a quiet room, without": [f"{r.quiet_unindexed_ms:.2f} ms" for r in reads],
        f"ratio (at least {LEAST_INDEX_RATIO:g})": [f"{r.ratio:.0f}" for r in reads],
        f"{LIMIT} rows of a busy room, with": [f"{r.catch_up_ms:.2f} ms" for r in reads],
        f"{LIMIT} rows of a busy room, without": [
            f"{r.catch_up_unindexed_ms:.2f} ms" for r in reads
        ],
    }
    for figure, values in rows.items():
        table.add_row(figure, *values)
    return table


def _creates_table(creates: tuple[Creates, ...]) -> Table:
    title = f"Durable creates, {CREATE_S:g} s each, {os.cpu_count()} cores shared with the senders"
    table = Table(title=title, title_justify="left")
    table.add_column("figure")
    for one in creates:
        table.add_column(one.backend, justify="right")
    rows = {
        f"{SENDERS} senders (goal {GOAL_CREATES_PER_S:,}/s on SQLite)": [
            f"{one.creates_per_s:,.0f}/s" for one in creates
        ],
        "one sender": [f"{one.alone_creates_per_s:,.0f}/s" for one in creates],
        f"ratio (at least {LEAST_GROUP_RATIO:g})": [f"{one.ratio:.1f}" for one in creates],
        "this disk's own flush of a page": [f"{one.disk_flush_ms:.2f} ms" for one in creates],
    }
    for figure, values in rows.items():
        table.add_row(figure, *values)
    return table


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
