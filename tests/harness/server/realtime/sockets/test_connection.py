"""One socket from its upgrade to its end, on a transport in memory."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close, Opcode

from harness.server.realtime.sockets.connection import text_message
from harness.wire.phoenix import Frame
from tests.harness.server.builders import V1, V2, anon_token, join_frame, push
from tests.harness.server.realtime.fuzz_cases import ANY, HEARTBEATS, STAYS, Case, cases
from tests.harness.server.realtime.fuzz_content import MAX_FRAME_BYTES, deep_in_a_channel
from tests.harness.server.realtime.memory import Page, realtime, run_hastily, server_frames

HEARTBEAT = Frame(None, "99", "phoenix", "heartbeat", push("x", {}).payload)


def after(what: Callable[[], Page]) -> Page:
    """The page that ``what`` made on a running loop."""

    async def run() -> Page:
        page = what()
        page.leaves()
        return page

    return run_hastily(run())


def test_a_sound_handshake_is_accepted_without_extensions() -> None:
    page = after(lambda: Page(realtime()))

    assert page.answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"Sec-WebSocket-Extensions" not in page.answer


@pytest.mark.parametrize(
    ("query", "status", "body"),
    [
        ("vsn=9.0.0", b"403 Forbidden", b""),
        ("vsn=2.0.0", b"401 Unauthorized", b'{"error":"API key is missing"}'),
    ],
)
def test_a_refused_handshake_is_answered_in_http_after_its_delay(
    query: str, status: bytes, body: bytes
) -> None:
    async def run() -> tuple[bool, Page]:
        page = Page(realtime(connect_error_backoff_s=2.0), query)
        answered_at_once = bool(page.answer)
        while not page.transport.closed:
            await asyncio.sleep(0.001)
        page.leaves()
        return answered_at_once, page

    answered_at_once, page = run_hastily(run())

    assert not answered_at_once
    head, _, content = page.answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 " + status)
    assert content == body


def test_a_client_that_leaves_before_its_refusal_leaves_nothing_behind() -> None:
    async def run() -> Page:
        page = Page(realtime(connect_error_backoff_s=2.0), "vsn=2.0.0")
        page.sends(b"more")
        page.leaves()
        await asyncio.sleep(3.0)
        return page

    page = run_hastily(run())

    assert not page.answer
    assert not page.state.connections


def test_the_end_of_the_server_gives_up_a_handshake_that_waits() -> None:
    def refused() -> Page:
        page = Page(realtime(connect_error_backoff_s=60), "vsn=2.0.0")
        page.connection.shutdown()
        return page

    assert after(refused).transport.closed


def test_the_end_of_the_server_is_1012_after_what_a_stalled_socket_was_still_to_get() -> None:
    def stopped() -> Page:
        page = Page(realtime(join_error_backoff_s=60))
        page.says(join_frame(topic="realtime:"))
        page.connection.write(text_message(HEARTBEAT, "2.0.0"))
        page.connection.shutdown()
        return page

    page = after(stopped)

    assert [one.opcode for one in page.received()] == [Opcode.TEXT, Opcode.CLOSE]
    assert Close.parse(bytes(page.received()[-1].data)).code == 1012
    assert page.transport.reading


def test_what_was_due_after_a_stall_is_done_once_also_when_the_socket_is_lost() -> None:
    done: list[int] = []

    def lost() -> Page:
        page = Page(realtime())
        page.connection.stall(60, lambda: done.append(1))
        return page

    after(lost)

    assert done == [1]


def test_a_goodbye_that_is_not_answered_ends_by_itself() -> None:
    async def run() -> Page:
        page = Page(realtime())
        page.connection.close(1000)
        while not page.transport.aborted:
            await asyncio.sleep(0.001)
        page.leaves()
        return page

    assert run_hastily(run()).transport.ended


def test_what_is_held_counts_as_unsent() -> None:
    def flooded() -> Page:
        server = realtime(join_error_backoff_s=60, max_unsent_bytes=10)
        page = Page(server)
        page.says(join_frame(topic="realtime:"))
        page.connection.write(b"12345678")
        assert not page.transport.aborted
        page.connection.write(b"12345678")
        return page

    assert after(flooded).transport.aborted


def test_a_frame_is_one_unmasked_text_message_in_the_peers_serializer() -> None:
    message = push("x", {"long": "x" * 200})

    (new,) = server_frames(text_message(message, V2.vsn))
    assert bytes(new.data).startswith(b'["7","8","realtime:')
    old = text_message(message, V1.vsn)
    assert old[0] == 0x80 | Opcode.TEXT
    assert old[4:].startswith(b'{"topic":')


CASES = cases(600, seed=4)


@given(case=st.sampled_from(CASES), cuts=st.lists(st.integers(0, 400), max_size=12))
def test_broken_clients_end_as_the_rfc_says_however_their_bytes_are_cut(
    case: Case, cuts: list[int]
) -> None:
    async def run() -> list[bytes]:
        server = realtime(max_frame_bytes=MAX_FRAME_BYTES, join_error_backoff_s=0)
        page = Page(server, f"apikey={anon_token()}&vsn={case.vsn}")
        sent = case.sent + HEARTBEATS[case.vsn]
        places = sorted({min(cut, len(sent)) for cut in cuts})
        for begin, end in zip([0, *places], [*places, len(sent)], strict=True):
            page.sends(sent[begin:end])
        ends = [bytes(one.data) for one in page.received() if one.opcode is Opcode.CLOSE]
        answered = any(b'"the end"' in one.data for one in page.received())
        if case.outcome == STAYS:
            assert (answered, ends) == (True, [])
        elif case.outcome != ANY:
            assert [Close.parse(one).code for one in ends] == [case.outcome]
            assert not answered
        page.leaves()
        assert server.connections == 0
        assert not page.state.connections
        return ends

    assert len(run_hastily(run())) <= 1


@pytest.mark.parametrize("number", range(20))
def test_deep_json_never_reaches_what_cannot_write_it(number: int) -> None:
    """The kind of :data:`CASES` that this is about is too rare there."""

    async def run() -> Page:
        page = Page(realtime(max_frame_bytes=MAX_FRAME_BYTES))
        page.sends(deep_in_a_channel(random.Random(number)) + HEARTBEATS["2.0.0"])
        page.leaves()
        return page

    assert any(b'"the end"' in one.data for one in run_hastily(run()).received())
