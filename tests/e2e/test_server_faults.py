"""Faults in the server, in whole runs: what is proved of them, and what is not counted."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import psutil
import pytest

from chaos.chat_lines import CANARY_ROOM, CANARY_USER
from harness.commitlog import Commit, Subscription
from harness.receipts import ReceiptBook
from harness.rundir import RunDir
from harness.tokens import user_uuid
from tests.support.rundata import figure, plan, verdict
from tests.support.runs import CHATQUAKE, Finished, RunningRun

pytestmark = pytest.mark.e2e

HERE = Path(__file__).parent
EVERY_KIND = HERE / "server-faults.toml"
SWITCHED_BACK = HERE / "server-switched-back.toml"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    out = tmp_path_factory.mktemp("server-faults") / "run"
    run = RunningRun([*CHATQUAKE, "run", str(EVERY_KIND), "--out", str(out)], out)
    try:
        run.wait_for("load:")
        run.family()
        end = run.wait()
        assert run.left_behind() == []
        return end
    finally:
        run.clean_up()


def test_a_run_with_every_kind_passes_and_its_receipts_are_sound(played: Finished) -> None:
    assert played.code == 0, played.output
    book = msgspec.json.decode(RunDir(played.out).receipts.read_bytes(), type=ReceiptBook)
    assert {receipt.fault: receipt.problems for receipt in book.receipts} == {
        receipt.fault: () for receipt in book.receipts
    }
    assert len(book.receipts) == 15


def test_each_receipt_says_what_the_canary_felt(played: Finished) -> None:
    book = msgspec.json.decode(RunDir(played.out).receipts.read_bytes(), type=ReceiptBook)
    felt = {receipt.fault: receipt.effect.en for receipt in book.receipts}
    for fault, words in {
        "mute": "row unanswered",
        "slow": "send late",
        "late": "join late",
        "polls": "poll unanswered",
        "page": "send failed",
        "gap": "switches turned",
        "revoked": "join failed",
        "clock": "token check failed",
        "restart": "connect refused",
        "kill": "socket closed",
        "sends": "send unanswered",
    }.items():
        assert words in felt[fault]


def test_the_canary_wrote_in_its_room_and_counts_nowhere(played: Finished) -> None:
    run = RunDir(played.out)
    with sqlite3.connect(run.database) as database:
        ((written,),) = database.execute(
            "SELECT count(*) FROM messages WHERE webinar_id = ?", (CANARY_ROOM,)
        ).fetchall()
    assert written > 100
    planned = {send.client_msg_id for send in plan(played.out)}
    commits = msgspec.json.Decoder(Commit).decode_lines(run.commits.read_bytes())
    assert {commit.client_msg_id for commit in commits} <= planned
    assert figure(played.out, "duplicate_rows") == 0
    users = {user_uuid(5, user) for user in range(10)}
    logged = msgspec.json.Decoder(Subscription).decode_lines(run.subscriptions.read_bytes())
    assert {one.user_id for one in logged} == users
    for file in ("metrics.json", "ledger.parquet", "messages.parquet", "users.parquet"):
        content = (played.out / file).read_bytes()
        assert CANARY_USER.encode() not in content
        assert str(CANARY_ROOM).encode() not in content


def test_the_commit_log_goes_on_over_restarts(played: Finished) -> None:
    commits = msgspec.json.Decoder(Commit).decode_lines(RunDir(played.out).commits.read_bytes())
    seqs = [commit.seq for commit in commits]
    assert seqs == sorted(set(seqs))
    assert [c.committed_s for c in commits] == sorted(c.committed_s for c in commits)


def test_what_was_subscribed_when_the_server_ended_is_lost_then(played: Finished) -> None:
    run = RunDir(played.out)
    book = msgspec.json.decode(run.receipts.read_bytes(), type=ReceiptBook)
    (kill,) = [receipt for receipt in book.receipts if receipt.fault == "kill"]
    assert kill.requested_s is not None
    assert kill.applied_s is not None
    logged = msgspec.json.Decoder(Subscription).decode_lines(run.subscriptions.read_bytes())
    open_then: set[str] = set()
    for one in sorted(logged, key=lambda each: each.t_s):
        if one.t_s > kill.applied_s:
            break
        if one.what == "joined":
            open_then.add(one.user_id)
        elif one.what in ("left", "closed", "lost"):
            open_then.discard(one.user_id)
    assert open_then == set()


@pytest.fixture
def switched_back(tmp_path: Path) -> Iterator[RunningRun]:
    out = tmp_path / "run"
    run = RunningRun([*CHATQUAKE, "run", str(SWITCHED_BACK), "--out", str(out)], out)
    yield run
    run.clean_up()


def test_a_fault_that_somebody_switched_back_makes_the_run_invalid(
    switched_back: RunningRun,
) -> None:
    switched_back.wait_for("mute is on")
    time.sleep(2.0)  # some rows are lost
    admin = _admin_url(switched_back.family()["server"])
    httpx.patch(f"{admin}/switches", json={"defects": []}, trust_env=False).raise_for_status()
    end = switched_back.wait()
    assert end.code == 3, end.output
    assert switched_back.left_behind() == []
    found = verdict(end.out)
    assert found.verdict == "invalid"
    said = "server: its switches are not as they were set: mute is not planted"
    assert f"director: {said}" in [one.sentence.en for one in found.rig]
    book = msgspec.json.decode(RunDir(end.out).receipts.read_bytes(), type=ReceiptBook)
    problems = [problem.en for problem in book.receipts[0].problems]
    assert said in problems
    assert any(one.startswith("server-realtime was no longer hit from") for one in problems)


def _admin_url(server: psutil.Process) -> str:
    for connection in server.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN:
            url = f"http://127.0.0.1:{connection.laddr.port}"
            if httpx.get(f"{url}/switches", trust_env=False).status_code == 200:
                return url
    raise AssertionError("the server has no admin port")
