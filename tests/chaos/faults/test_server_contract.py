"""What each fault of the server does to real connections, seen by a peer that knows no canary:
live and new ones, at its begin, while it is on, and at its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from chaos.actuators.server import ServerActuator
from chaos.faults.parse import parse_faults
from chaos.faults.schedule import ScheduledFault
from chaos.faults.server.switches import Switches
from harness.clock import monotonic_s
from scenarios.server_process import reference_server
from tests.support.chat_peer import Peer, PeerSocket, new_id

pytestmark = pytest.mark.e2e

SECRET = "a-secret-of-at-least-thirty-two-bytes"
HANGS_S = 1.0
"""What is not answered within this hangs, on a server that answers in milliseconds."""


class Play:
    """One fault in the hands of its actuator."""

    def __init__(self, fault: ScheduledFault, actuator: ServerActuator) -> None:
        self._fault = fault
        self._actuator = actuator

    async def begin(self) -> None:
        await self._actuator.change(self._fault, (), self._fault.stages[0].changes)

    async def pause(self) -> None:
        first, second = self._fault.stages[:2]
        await self._actuator.change(self._fault, first.changes, second.changes)

    async def end(self, stage: int = 0) -> None:
        await self._actuator.change(self._fault, self._fault.stages[stage].changes, ())


@asynccontextmanager
async def scene(folder: Path, kind: str, **keys: Any) -> AsyncIterator[tuple[Peer, Play]]:
    """A server of its own, a peer, and a fault that is not on yet."""
    table = {"name": "f", "kind": kind, "at_s": 0, "for_s": 60, **keys}
    (fault,) = parse_faults([table], where="test", cohorts=("chrome",), seed=1)
    async with reference_server(
        folder / "chat.sqlite", folder / "server.log", jwt_secret=SECRET
    ) as server:
        base = await server.switches()
        at_once = {**base.knobs, "poll_interval_s": 0}  # so that every row is sent or lost by now
        await server.turn(Switches(knobs=at_once, defects=base.defects))
        actuator, peer = ServerActuator(server), Peer(server, SECRET)
        await actuator.prepare((fault,))
        try:
            yield peer, Play(fault, actuator)
        finally:
            await peer.close()


Act = Callable[[Peer, Play], Awaitable[None]]


def played(folder: Path, act: Act, kind: str, **keys: Any) -> None:
    async def run() -> None:
        async with scene(folder, kind, **keys) as (peer, play):
            await act(peer, play)

    asyncio.run(run())


async def good(peer: Peer) -> str:
    """A send that is answered as it should be."""
    id_ = new_id()
    answer = await peer.send(id_)
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    return id_


async def shown(peer: Peer, socket: PeerSocket) -> str:
    """A send whose row comes over the socket too."""
    id_ = await good(peer)
    await socket.row(id_)
    return id_


@pytest.mark.parametrize("kind", ["mute", "quota"])
def test_rows_of_a_silent_stretch_never_come_to_live_or_new_channels(
    tmp_path: Path, kind: str
) -> None:
    async def act(peer: Peer, play: Play) -> None:
        async with peer.socket() as old, peer.socket() as new:
            await old.live()
            await shown(peer, old)
            await play.begin()
            await new.live()
            lost = await good(peer)
            assert lost in await peer.poll()
            await play.end()
            # Rows come in commit order: once a later one is there, this one never will be.
            for socket in (old, new):
                await shown(peer, socket)
                assert lost not in socket.rows

    played(tmp_path, act, kind)


def test_a_late_system_ok_holds_up_the_rows_of_new_channels_alone(tmp_path: Path) -> None:
    delay_s = 2.0

    async def act(peer: Peer, play: Play) -> None:
        async with peer.socket() as old, peer.socket() as new, peer.socket() as later:
            await old.live()
            await play.begin()
            joined = await new.join()
            missed = await shown(peer, old)
            await play.end()
            assert delay_s <= (await new.system()).t_s - joined.t_s < delay_s + 2
            joined = await later.join()
            assert (await later.system()).t_s - joined.t_s < delay_s
            await shown(peer, new)
            assert missed not in new.rows

    played(tmp_path, act, "late_system_ok", delay_s=delay_s)


def test_a_slow_commit_is_answered_and_shown_late(tmp_path: Path) -> None:
    commit_s = 1.5

    async def act(peer: Peer, play: Play) -> None:
        async with peer.socket() as socket:
            await socket.live()
            await play.begin()
            id_, asked_s = new_id(), monotonic_s()
            sending = asyncio.create_task(peer.send(id_))
            await asyncio.sleep(commit_s / 3)
            assert id_ not in await peer.poll()
            await play.end()  # what was sent before keeps its delay
            assert (await sending).json()["success"]
            assert commit_s <= monotonic_s() - asked_s < commit_s + 2
            assert (await socket.row(id_)).t_s - asked_s >= commit_s
            asked_s = monotonic_s()
            await good(peer)
            assert monotonic_s() - asked_s < commit_s

    played(tmp_path, act, "slow_commit", commit_s=commit_s)


def test_an_id_gap_lets_a_poll_see_greater_ids_before_a_smaller_one(tmp_path: Path) -> None:
    async def act(peer: Peer, play: Play) -> None:
        await play.begin()
        sent = [new_id() for _ in range(10)]
        sending = []
        for id_ in sent:  # in this order, but none waits for the answer to the one before
            sending.append(asyncio.create_task(peer.send(id_)))
            await asyncio.sleep(0.05)
        early = await peer.poll()
        answers = await asyncio.gather(*sending)
        held = [id_ for id_ in sent if id_ not in early]
        assert len(held) == 1
        ids = {
            id_: answer.json()["message"]["id"] for id_, answer in zip(sent, answers, strict=True)
        }
        assert ids[held[0]] < max(ids[id_] for id_ in early)
        await play.end()
        assert [await good(peer) for _ in range(10)] == (await peer.poll())[10:]

    played(tmp_path, act, "id_gap", commit_s=2.0)


def test_an_error_burst_refuses_every_send_in_the_agreed_shape_and_pauses(tmp_path: Path) -> None:
    async def act(peer: Peer, play: Play) -> None:
        await play.begin()
        refused = [new_id() for _ in range(5)]
        for id_ in refused:
            answer = await peer.send(id_)
            assert answer.status_code == 500
            assert answer.json() == {"success": False, "error": "internal error"}
        await play.pause()
        between = await good(peer)
        await play.end(stage=1)
        after = await good(peer)
        assert await peer.poll() == [between, after]

    played(tmp_path, act, "error_burst", on_s=1, off_s=1)


@pytest.mark.parametrize(
    ("kind", "status", "body"), [("html_page", 502, b"<html>"), ("empty_body", 200, b"")]
)
def test_a_spoiled_answer_hides_a_message_that_is_committed_and_shown(
    tmp_path: Path, kind: str, status: int, body: bytes
) -> None:
    async def act(peer: Peer, play: Play) -> None:
        async with peer.socket() as socket:
            await socket.live()
            await play.begin()
            for _ in range(3):
                id_ = new_id()
                answer = await peer.send(id_)
                assert answer.status_code == status
                assert answer.content[: len(b"<html>")] == body
                await socket.row(id_)
            await play.end()
            await good(peer)

    played(tmp_path, act, kind)


def test_a_hanging_create_route_commits_nothing_and_goes_on_hanging_at_its_end(
    tmp_path: Path,
) -> None:
    async def act(peer: Peer, play: Play) -> None:
        await play.begin()
        hanging = asyncio.create_task(peer.send(new_id(), timeout_s=60))
        with pytest.raises(httpx.ReadTimeout):
            await peer.send(new_id(), timeout_s=HANGS_S)
        assert await peer.poll() == []
        await play.end()
        done = await good(peer)
        assert not hanging.done()
        hanging.cancel()
        assert await peer.poll() == [done]

    played(tmp_path, act, "hang")


def test_a_hanging_poll_route_leaves_sends_and_rows_alone(tmp_path: Path) -> None:
    async def act(peer: Peer, play: Play) -> None:
        async with peer.socket() as socket:
            await socket.live()
            await play.begin()
            with pytest.raises(httpx.ReadTimeout):
                await peer.poll(timeout_s=HANGS_S)
            id_ = await shown(peer, socket)
            await play.end()
            assert await peer.poll() == [id_]

    played(tmp_path, act, "hang", route="poll")


def test_a_revoked_token_ends_live_channels_for_good_and_refuses_joins(tmp_path: Path) -> None:
    async def act(peer: Peer, play: Play) -> None:
        async with peer.socket() as old, peer.socket() as new:
            await old.live()
            begun_s = monotonic_s()
            await play.begin()
            ended = await old.next(lambda heard: heard.frame.event == "phx_close")
            assert ended.t_s - begun_s < 2
            await old.beat()  # the socket stays
            refused = await new.join()
            assert refused.content["status"] == "error"
            assert "InvalidJWTToken: Token has expired" in str(refused.content)
            id_ = await good(peer)
            assert await peer.poll() == [id_]
            await play.end()
            async with peer.socket() as third:
                await third.live()
                await shown(peer, third)
                assert old.rows == []

    played(tmp_path, act, "token_revoked")


@pytest.mark.parametrize(("skew_s", "spoiled_s", "status"), [(60, 30, 401), (-60, -30, 200)])
def test_a_skewed_clock_judges_tokens_early_or_late_and_lets_live_channels_be(
    tmp_path: Path, skew_s: float, spoiled_s: int, status: int
) -> None:
    async def act(peer: Peer, play: Play) -> None:
        async with peer.socket() as socket:
            await socket.live()
            usual = (await peer.send(new_id(), expires_in_s=spoiled_s)).status_code
            assert usual != status
            await play.begin()
            assert (await peer.send(new_id(), expires_in_s=spoiled_s)).status_code == status
            await shown(peer, socket)
            await play.end()
            assert (await peer.send(new_id(), expires_in_s=spoiled_s)).status_code == usual

    played(tmp_path, act, "clock_skew", skew_s=skew_s)


def test_a_restart_says_farewell_with_1012_and_keeps_ports_and_rows(tmp_path: Path) -> None:
    async def act(peer: Peer, play: Play) -> None:
        before = await good(peer)
        async with peer.socket() as old:
            await old.live()
            await play.begin()
            await old.until(lambda: old.closed is not None)
            assert old.closed is not None
            assert old.closed.rcvd is not None
            assert old.closed.rcvd.code == 1012
            assert old.heard[-1].content["message"] == "Server requested disconnect"
        await _refused(peer)
        await play.end()
        await _as_before(peer, before)

    played(tmp_path, act, "restart")


def test_a_kill_cuts_sockets_without_a_close_frame_and_keeps_ports_and_rows(
    tmp_path: Path,
) -> None:
    async def act(peer: Peer, play: Play) -> None:
        before = await good(peer)
        async with peer.socket() as old:
            await old.live()
            await play.begin()
            await old.until(lambda: old.closed is not None)
            assert old.closed is not None
            assert old.closed.rcvd is None  # a page sees 1006
        await _refused(peer)
        await play.end()
        await _as_before(peer, before)

    played(tmp_path, act, "kill")


async def _refused(peer: Peer) -> None:
    with pytest.raises(httpx.ConnectError):
        await peer.send(new_id())
    with pytest.raises(ConnectionRefusedError):
        async with peer.socket():
            pass


async def _as_before(peer: Peer, before: str) -> None:
    async with peer.socket() as new:
        await new.live()
        after = await shown(peer, new)
    assert await peer.poll() == [before, after]


def test_any_switch_can_be_a_fault_and_is_back_at_its_end(tmp_path: Path) -> None:
    async def act(peer: Peer, play: Play) -> None:
        async with peer.socket() as socket:
            await socket.live()
            await play.begin()
            twice = await good(peer)
            await socket.until(lambda: socket.rows.count(twice) == 2)
            with pytest.raises(InvalidStatus) as refused:
                async with peer.socket():
                    pass
            assert refused.value.response.status_code == 426
            await play.end()
            async with peer.socket() as new:
                await new.live()
                ids = [await shown(peer, new) for _ in range(2)]
                assert new.rows == ids

    played(tmp_path, act, "server", defects=["event-twice"], knobs={"handshake_status": 426})
