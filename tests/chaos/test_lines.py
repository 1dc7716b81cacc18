from __future__ import annotations

import asyncio

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidMessage

from chaos.lines import ApiLine, outcome_of
from harness.receipts import ProbeOutcome


def _invalid(cause: Exception) -> InvalidMessage:
    error = InvalidMessage("did not receive a valid HTTP response")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ConnectionRefusedError(), "refused"),
        (ConnectionResetError(), "closed"),
        (BrokenPipeError(), "closed"),
        (asyncio.IncompleteReadError(b"", 1), "closed"),
        (ConnectionClosedError(None, None), "closed"),
        (_invalid(EOFError()), "closed"),
        (_invalid(ValueError()), "error"),
        (TimeoutError(), "unanswered"),
        (OSError("no file descriptors left"), "error"),
        (ValueError("no HTTP answer"), "error"),
    ],
)
def test_each_error_is_one_ending_of_a_probe(error: Exception, outcome: ProbeOutcome) -> None:
    assert outcome_of(error) == outcome


class _Sink(asyncio.Transport):
    """Takes what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


async def _answers(data: bytes, *, sent: int) -> list[int]:
    """The numbers that an API line gives back when the server's bytes are ``data``."""
    reader, sink = asyncio.StreamReader(), _Sink()
    protocol = asyncio.StreamReaderProtocol(reader)
    protocol.connection_made(sink)
    writer = asyncio.StreamWriter(sink, protocol, reader, asyncio.get_running_loop())
    line = ApiLine(reader, writer, b"request")
    for number in range(1, sent + 1):
        await line.send(number)
    assert sink.written == b"request" * sent
    reader.feed_data(data)
    reader.feed_eof()
    try:
        return [await line.answer() for _ in range(sent)]
    finally:
        line.abort()


_WITH_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\r\n\r\n"
_CHUNKED = (
    b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
)
_EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"


def test_pipelined_answers_come_back_in_the_order_of_their_probes() -> None:
    data = _CHUNKED + _WITH_LENGTH + _EMPTY + _WITH_LENGTH
    assert asyncio.run(_answers(data, sent=4)) == [1, 2, 3, 4]


def test_an_answer_that_is_cut_counts_as_closed() -> None:
    with pytest.raises(EOFError) as caught:
        asyncio.run(_answers(_WITH_LENGTH + _CHUNKED[:-4], sent=2))
    assert outcome_of(caught.value) == "closed"


@pytest.mark.parametrize("data", [b"SSH-2.0-x\r\n\r\n", b"x" * 80_000, b"HTTP/1.1 200\r\n" * 9_000])
def test_what_is_no_http_answer_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="no HTTP answer") as caught:
        asyncio.run(_answers(data, sent=1))
    assert outcome_of(caught.value) == "error"
