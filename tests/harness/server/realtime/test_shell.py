"""The Realtime shell on an event loop, with transports in memory."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from websockets.frames import Close, Opcode

from harness.server.realtime.shell import Realtime
from harness.server.switches import Turn
from harness.wire.phoenix import Frame
from tests.harness.server.builders import change, join_frame, push, room_filter, user_token
from tests.harness.server.realtime.memory import Hand, Page, realtime, run_hastily

HEARTBEAT = Frame(None, "1", "phoenix", "heartbeat", push("x", {}).payload)


def test_rows_are_held_while_a_join_of_the_socket_is_refused() -> None:
    async def run() -> tuple[list[Frame], bool]:
        server = realtime(join_error_backoff_s=0.05)
        page = Page(server)
        page.says(join_frame(room_filter(), token=user_token()))
        await page.until(2)
        page.says(join_frame(topic="realtime:"))
        page.says(HEARTBEAT)
        server.publish(change())
        read_meanwhile = page.transport.reading
        assert len(page.heard()) == 2
        frames = await page.until(5)
        page.leaves()
        return frames, read_meanwhile

    frames, read_meanwhile = run_hastily(run())

    assert not read_meanwhile
    assert [(frame.topic, frame.event) for frame in frames[2:]] == [
        ("realtime:", "phx_reply"),
        ("realtime:webinar-42", "postgres_changes"),
        ("phoenix", "phx_reply"),
    ]


def test_joins_that_fail_wait_for_each_other_and_nothing_else_of_the_socket_moves() -> None:
    async def run() -> tuple[list[str], float]:
        server = realtime(join_error_backoff_s=2.0)
        page = Page(server)
        began_s = asyncio.get_running_loop().time()
        for _ in range(3):
            page.says(join_frame(topic="realtime:"))
        page.says(HEARTBEAT)
        topics = [frame.topic for frame in await page.until(4)]
        took_s = asyncio.get_running_loop().time() - began_s
        page.leaves()
        return topics, took_s

    topics, took_s = run_hastily(run())

    assert topics == ["realtime:", "realtime:", "realtime:", "phoenix"]
    assert took_s == pytest.approx(6.0, abs=0.01)


def test_a_stall_of_one_socket_does_not_hold_up_another() -> None:
    async def run() -> list[Frame]:
        server = realtime(join_error_backoff_s=60.0)
        stalled, other = Page(server), Page(server)
        stalled.says(join_frame(topic="realtime:"))
        other.says(HEARTBEAT)
        frames = await other.until(1)
        other.leaves()
        stalled.leaves()
        return frames

    assert [frame.topic for frame in run_hastily(run())] == ["phoenix"]


def test_a_flood_of_bad_frames_is_a_few_lines_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        page = Page(realtime())
        for _ in range(500):
            page.says_text("nonsense")
        page.says(HEARTBEAT)
        await page.until(1)
        page.leaves()

    run_hastily(run())

    assert 0 < len(caplog.records) < 50


def test_a_receiver_that_does_not_read_is_cut_off_and_counted_once() -> None:
    async def run() -> tuple[Realtime, Page, Page]:
        server = realtime(max_unsent_bytes=1000)
        slow, quick = Page(server), Page(server)
        for page in (slow, quick):
            page.says(join_frame(room_filter(), token=user_token()))
            await page.until(2)
        slow.transport.unsent_bytes = 1001
        server.publish(change(seq=1))
        server.publish(change(seq=2))
        await quick.until(4)
        slow.leaves()
        quick.leaves()
        return server, slow, quick

    server, slow, quick = run_hastily(run())

    assert (slow.transport.aborted, quick.transport.aborted) == (True, False)
    assert not slow.transport.ended
    assert server.slow_readers_dropped == 1
    assert server.connections == 0


def test_a_row_is_encoded_once_for_all_who_listen_alike() -> None:
    async def run() -> list[Page]:
        server = realtime()
        pages = [Page(server) for _ in range(3)]
        for page in pages:
            page.says(join_frame(room_filter(), token=user_token()))
            await page.until(2)
        server.publish(change())
        for page in pages:
            page.leaves()
        return pages

    first, *others = [page.transport.last for page in run_hastily(run())]

    assert b"postgres_changes" in first
    assert all(one is first for one in others)


def test_a_socket_that_is_gone_is_no_longer_written_to() -> None:
    async def run() -> tuple[Realtime, int]:
        server = realtime()
        page = Page(server)
        page.says(join_frame(room_filter(), token=user_token()))
        before = len(await page.until(2))
        page.leaves()
        server.publish(change())
        return server, len(page.heard()) - before

    server, more = run_hastily(run())

    assert more == 0
    told = [msgspec.json.decode(line)["what"] for line in server.subscriptions.lines(0)]
    assert told == ["joined", "live", "lost"]


def test_the_silent_are_closed_with_1000_and_a_ping_is_no_silence() -> None:
    async def run() -> tuple[Page, Page]:
        clock = Hand()
        server = realtime(clock, idle_timeout_s=0.004)
        silent, awake = Page(server), Page(server)
        clock.now_s = 0.004
        awake.sends(b"\x89\x80\x00\x00\x00\x00")
        while not silent.received():
            await asyncio.sleep(0.001)
        silent.leaves()
        awake.leaves()
        return silent, awake

    silent, awake = run_hastily(run())

    assert Close.parse(bytes(silent.received()[-1].data)).code == 1000
    assert not awake.transport.ended


def test_a_frame_limit_that_is_turned_holds_for_sockets_that_are_open() -> None:
    async def run() -> Page:
        server = realtime()
        page = Page(server)
        server.switches.turn(Turn({"max_frame_bytes": 10}))
        page.says(HEARTBEAT)
        page.leaves()
        return page

    assert Close.parse(bytes(run_hastily(run()).received()[-1].data)).code == 1009


def test_a_hung_handshake_is_never_answered_and_ends_with_the_server() -> None:
    async def run() -> tuple[bytes, bool, Page]:
        page = Page(realtime(handshake_hang=True))
        page.sends(b"GET / HTTP/1.1\r\n\r\n")
        answered, closed = page.answer, page.transport.closed
        page.connection.shutdown()
        page.leaves()
        return answered, closed, page

    answered, closed, page = run_hastily(run())

    assert (answered, closed) == (b"", False)
    assert page.transport.closed


def test_a_half_open_socket_neither_hears_nor_says_anything_until_the_knob_is_turned_back() -> None:
    async def run() -> tuple[bool, int, Page]:
        clock = Hand()
        server = realtime(clock, idle_timeout_s=0.004)
        page = Page(server)
        page.says(join_frame(room_filter(), token=user_token()))
        before = len(await page.until(2))
        server.switches.turn(Turn({"half_open": True}))
        clock.now_s = 1.0
        server.publish(change())
        await asyncio.sleep(0.01)
        reading, more = page.transport.reading, len(page.received()) - before
        server.switches.turn(Turn({"half_open": False, "idle_timeout_s": 60}))
        server.publish(change())
        await page.until(before + 1)
        page.leaves()
        return reading, more, page

    reading, more, page = run_hastily(run())

    assert (reading, more) == (False, 0)
    assert page.transport.reading
    assert page.heard()[-1].event == "postgres_changes"


def test_a_stalled_socket_that_becomes_half_open_stays_unread_when_it_moves_again() -> None:
    async def run() -> Page:
        server = realtime(join_error_backoff_s=5.0)
        page = Page(server)
        page.says(join_frame(topic="realtime:"))
        assert not page.transport.reading
        server.switches.turn(Turn({"half_open": True}))
        await asyncio.sleep(6.0)
        page.leaves()
        return page

    page = run_hastily(run())

    assert not page.transport.reading
    assert page.received() == []


def test_a_join_whose_time_comes_while_half_open_is_made_when_the_socket_moves_again() -> None:
    async def run() -> tuple[int, Page]:
        server = realtime(join_delay_s=5.0, system_ok_delay_s=0.0)
        page = Page(server)
        page.says(join_frame(room_filter(), token=user_token()))
        page.says(HEARTBEAT)
        server.switches.turn(Turn({"half_open": True}))
        await asyncio.sleep(6.0)
        silent = len(page.received())
        server.switches.turn(Turn({"half_open": False}))
        await page.until(3)
        page.leaves()
        return silent, page

    silent, page = run_hastily(run())

    assert silent == 0
    assert [frame.event for frame in page.heard()] == ["phx_reply", "phx_reply", "system"]


def test_a_socket_that_ends_during_its_join_gets_nothing_of_that_channel() -> None:
    async def run() -> Page:
        server = realtime(join_delay_s=5.0, system_ok_delay_s=0.0)
        page = Page(server)
        page.says(join_frame(room_filter(), token=user_token()))
        await asyncio.sleep(1.0)
        server.close_sockets(1012, farewell=True)
        page.leaves()
        return page

    page = run_hastily(run())

    assert [one.opcode for one in page.received()] == [Opcode.CLOSE]


@pytest.mark.parametrize(("code", "sent"), [(1001, [1001]), (1006, [])])
def test_an_accepted_socket_may_be_ended_at_once(code: int, sent: list[int]) -> None:
    async def run() -> Page:
        page = Page(realtime(accept_then_close=code))
        page.says(HEARTBEAT)
        page.leaves()
        return page

    page = run_hastily(run())

    assert page.answer.startswith(b"HTTP/1.1 101 ")
    assert [Close.parse(bytes(one.data)).code for one in page.received()] == sent
    assert page.transport.aborted == (code == 1006)
