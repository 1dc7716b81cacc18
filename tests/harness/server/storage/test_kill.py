"""The server is killed again and again under load, and forgets nothing that it answered."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from tests.harness.server.running import Server, running, token

pytestmark = pytest.mark.e2e

KILLS = 10
SENDERS = 8
ROOM = 42
PAGE = 500


class Load:
    """Senders who never stop; what they were promised is kept."""

    def __init__(self, seed: int) -> None:
        self.acknowledged: dict[str, int] = {}
        """Row id by ``client_msg_id``."""
        self.contradictions: list[str] = []
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def until_killed(self, server: Server, moment_s: float) -> int:
        """Send until a moment after the first answer, then kill; how many were answered."""
        before = len(self.acknowledged)
        self._stop.clear()
        first = threading.Event()
        seeds = [self._random.getrandbits(64) for _ in range(SENDERS)]
        threads = [
            threading.Thread(target=self._send, args=(server.api_url, seed, first))
            for seed in seeds
        ]
        for thread in threads:
            thread.start()
        assert first.wait(20), "nothing was ever answered"
        time.sleep(moment_s)
        server.process.kill()
        server.wait()
        self._stop.set()
        for thread in threads:
            thread.join(20)
            assert not thread.is_alive()
        return len(self.acknowledged) - before

    def _send(self, api_url: str, seed: int, first: threading.Event) -> None:
        chance = random.Random(seed)
        headers = {"Authorization": f"Bearer {token()}"}
        with httpx.Client(trust_env=False, headers=headers) as client:
            while not self._stop.is_set():
                message = self._next(chance)
                asked = {"webinarId": ROOM, "clientMsgId": message, "body": f"body of {message}"}
                try:
                    answer = client.post(f"{api_url}/api/messages/create", json=asked)
                except httpx.TransportError:
                    return  # killed
                if answer.status_code != 200:
                    self.contradictions.append(f"{answer.status_code}: {answer.text}")
                    return
                self._note(message, answer.json()["message"]["id"])
                first.set()

    def _next(self, chance: random.Random) -> str:
        """A new message, or now and then one that was answered before, this run or an earlier."""
        with self._lock:
            if self.acknowledged and chance.random() < 0.1:
                return chance.choice(list(self.acknowledged))
        return str(UUID(int=chance.getrandbits(128), version=4))

    def _note(self, message: str, row_id: int) -> None:
        with self._lock:
            if self.acknowledged.setdefault(message, row_id) != row_id:
                self.contradictions.append(f"{message} got a second row, {row_id}")


def rows_of(server: Server) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    headers = {"Authorization": f"Bearer {token()}"}
    with httpx.Client(trust_env=False, headers=headers, base_url=server.api_url) as client:
        while True:
            after = rows[-1]["id"] if rows else 0
            where = {"webinarId": ROOM, "after": after, "limit": PAGE}
            page = client.get("/api/messages", params=where).json()["messages"]
            rows += page
            if len(page) < PAGE:
                return rows


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_was_answered_before_a_kill_is_there_once(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    where = tmp_path / "chat.db" if kind == "sqlite" else request.getfixturevalue("database")
    seed = random.SystemRandom().getrandbits(32)
    print("seed", seed)  # shown where it fails
    moments = random.Random(seed)
    load = Load(seed)
    for _ in range(KILLS):
        with running(where) as server:
            assert load.until_killed(server, moments.uniform(0.0, 0.4)) > 0
    with running(where) as server:
        rows, log = rows_of(server), server.admin("/commits")

    assert load.contradictions == []
    in_table = {row["client_msg_id"]: row["id"] for row in rows}
    assert len(in_table) == len(rows)
    assert load.acknowledged.items() <= in_table.items()
    assert [commit["seq"] for commit in log] == list(range(1, len(rows) + 1))
    assert {commit["op"] for commit in log} == {"INSERT"}
    assert Counter((one["row_id"], one["client_msg_id"], one["body"]) for one in log) == Counter(
        (row["id"], row["client_msg_id"], row["body"]) for row in rows
    )


def test_the_servers_log_is_read_by_one_slot_that_outlives_it(database: str) -> None:
    slots = []
    for _ in range(2):
        with running(database) as server:
            assert server.post().status_code == 200
            server.process.terminate()
            assert server.wait() == 0
        with psycopg.connect(database) as connection:
            query = "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()"
            slots.append(connection.execute(query).fetchall())

    assert len(slots[0]) == 1
    assert slots[0] == slots[1]
