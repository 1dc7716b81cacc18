"""The whole server while its database is away or full, and after it is back."""

from __future__ import annotations

import resource
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import psycopg
import pytest

from harness.tokens import mint_anon
from tests.harness.server.builders import SECRET
from tests.harness.server.running import WAIT_S, Server, message_id, running, token
from tests.support.postgres import Cluster, cluster

pytestmark = pytest.mark.e2e

FOR_EVER = resource.RLIM_INFINITY
BODY = "x" * 3000
REST = "/rest/v1/messages?webinar_id=eq.42"


def until(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def raw(server: Server, path: str = "/commits") -> httpx.Response:
    return httpx.get(f"{server.admin_url}{path}", trust_env=False, timeout=WAIT_S)


def storage_of(server: Server) -> str:
    said: str = server.admin("/stats")[0]["storage"]
    return said


def limit_files(server: Server, size: int) -> None:
    """No file of the server's may grow beyond this, as on a full disk."""
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, FOR_EVER))


def test_a_full_disk_is_said_and_left_behind_once_there_is_room(tmp_path: Path) -> None:
    database, log = tmp_path / "chat.db", tmp_path / "log"
    with log.open("w") as stderr, running(database, stderr=stderr) as server:
        limit_files(server, 300 * 1024)
        answers = [server.post(BODY, number) for number in range(150)]
        failed = [one for one in answers if one.status_code != 200]
        assert failed
        assert {one.status_code for one in failed} == {503}
        assert all(set(one.json()) == {"success", "error"} for one in failed)
        assert not any(one.json()["success"] for one in failed)
        server.admin("/commits")  # what is smaller than a message may still find room
        assert storage_of(server).startswith("unavailable: ")
        limit_files(server, FOR_EVER)
        again = [server.post(BODY, number) for number in range(150)]
        assert storage_of(server) == "ok"
        commits = server.admin("/commits")
        server.process.terminate()
        assert server.wait() == 0
    said = log.read_text()
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT id, client_msg_id FROM messages ORDER BY id").fetchall()

    acknowledged = {one.json()["message"]["id"] for one in answers if one.status_code == 200}
    assert {one.status_code for one in again} == {200}
    assert acknowledged <= {row_id for row_id, _ in rows}
    assert len(rows) == 150
    assert [(one["row_id"], one["client_msg_id"]) for one in commits] == rows
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 20


class Senders:
    """Send message after message, each again and again until it is acknowledged."""

    def __init__(self, server: Server) -> None:
        self.statuses: set[int] = set()
        self.acknowledged: dict[str, int] = {}
        """Row id by ``client_msg_id``."""
        self._url = f"{server.api_url}/api/messages/create"
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(one,)) for one in range(4)]

    def __enter__(self) -> Senders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()

    def _send(self, sender: int) -> None:
        number = 1000 + sender
        headers = {"Authorization": f"Bearer {token()}"}
        with httpx.Client(trust_env=False, headers=headers, timeout=WAIT_S) as client:
            while not self._stop.is_set():
                key = message_id(number)
                asked = {"webinarId": 42, "clientMsgId": key, "body": "hi"}
                answer = client.post(self._url, json=asked)
                self.statuses.add(answer.status_code)
                if answer.status_code == 200:
                    self.acknowledged[key] = answer.json()["message"]["id"]
                    number += 4


def test_a_postgresql_that_stops_and_starts_again_loses_nothing(
    postgres: Cluster, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with (
        cluster() as database,
        log.open("w") as stderr,
        running(database.url("postgres"), stderr=stderr) as server,
    ):
        before = [server.post(number=number).json() for number in range(20)]
        with Senders(server) as senders:
            until(lambda: len(senders.acknowledged) > 50)
            with database.stopped():
                until(lambda: 503 in senders.statuses)
            until(lambda: storage_of(server) == "ok")
            count = len(senders.acknowledged)
            until(lambda: len(senders.acknowledged) > count + 50)
        with database.stopped():
            away = [server.post(number=number) for number in range(20, 60)]
            until(lambda: storage_of(server).startswith("unavailable: "))
            away.append(server.post(number=60))
            commits = raw(server)
            rest = _rest(server)
        until(lambda: storage_of(server) == "ok")
        after = [server.post(number=number) for number in range(100)]
        log_lines = server.admin("/commits")
        with psycopg.connect(database.url("postgres")) as connection:
            rows = connection.execute(
                "SELECT id, client_msg_id::text FROM chatquake.messages"
            ).fetchall()

    assert {one.status_code for one in away} == {503}
    assert all(set(one.json()) == {"success", "error"} for one in away)
    assert commits.status_code == 503
    assert set(commits.json()) == {"error"}
    assert rest.status_code == 503
    assert rest.json()["code"] == "PGRST000"
    assert {one.status_code for one in after} == {200}
    assert [one.json() for one in after[:20]] == before
    in_table = {text: row_id for row_id, text in rows}
    assert senders.statuses == {200, 503}
    assert senders.acknowledged.items() <= in_table.items()
    assert {message_id(number) for number in range(100)} <= in_table.keys()
    assert sorted((one["row_id"], one["client_msg_id"]) for one in log_lines) == sorted(rows)
    assert [one["seq"] for one in log_lines] == list(range(1, len(rows) + 1))
    assert "Traceback" not in log.read_text()


def _rest(server: Server) -> httpx.Response:
    url = f"http://127.0.0.1:{server.realtime_port}{REST}"
    headers = {
        "apikey": mint_anon(SECRET, issued_at_unix_s=int(time.time())),
        "Authorization": f"Bearer {token()}",
    }
    return httpx.get(url, headers=headers, trust_env=False)


def test_a_commit_log_that_breaks_off_cannot_be_taken_for_a_whole_one(tmp_path: Path) -> None:
    database = tmp_path / "chat.db"
    with running(database):
        pass
    with closing(sqlite3.connect(database)) as other:
        # Pages of more than the sockets between us hold, so that the last are read late.
        other.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)"
            " INSERT INTO commits (op, row_id, webinar_id, user_id, client_msg_id, body, written_s)"
            " SELECT 'INSERT', i, 42, 'u', 'c', printf('%.4000c', 'x'), 1.0 FROM n"
        )
        other.commit()
        with (
            running(database) as server,
            httpx.Client(trust_env=False, timeout=WAIT_S) as client,
            client.stream("GET", f"{server.admin_url}/commits") as answer,
        ):
            assert answer.status_code == 200
            chunks = answer.iter_raw()
            next(chunks)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(httpx.RemoteProtocolError):
                list(chunks)
