"""One relayed connection: the client's end, the server's end, and what is done between them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal, Protocol

from chaos.relay.book import Answer, Book, Connection, Forward, NoAnswer
from chaos.relay.end import End
from chaos.relay.heads import LONGEST_HEAD_BYTES, read_opening
from chaos.relay.rules import Ending
from harness.clock import Clock

Stage = Literal["opening", "hung", "joining", "flowing", "over"]
"""Its first request is coming; is not answered; waits for the server; all passes; it is ending."""


class Connect(Protocol):
    """Opens the server's end. Raises :class:`OSError`."""

    async def __call__(self, end: End) -> None: ...


class Pipe:
    """An accepted connection until it is gone.

    The server is called when the first request is complete and allowed. Memory is bounded by the
    two write buffers, one read and the head of a request.
    """

    def __init__(
        self, book: Book, *, clock: Clock, connect: Connect, gone: Callable[[Pipe], None]
    ) -> None:
        self.client = End(self)
        self.server = End(self)
        self.connection: Connection = book.open(clock())
        self.bytes_up = 0
        self.bytes_down = 0
        self._book = book
        self._clock = clock
        self._connect = connect
        self._gone = gone
        self._stage: Stage = "opening"
        self._held = b""
        """What the client has said and the server has not been told."""
        self._joining: asyncio.Task[None] | None = None

    # -- orders ---------------------------------------------------------------------------

    def hold(self) -> None:
        self._pace()

    def thaw(self) -> None:
        self._pace()
        if self._stage == "opening":
            self._read_opening()

    def reopen(self) -> None:
        """It hung until now."""
        self._stage = "opening"
        self.thaw()

    def cut(self, ending: Ending) -> None:
        self._end(End.reset if ending == "rst" else End.cut)

    # -- what its ends tell ---------------------------------------------------------------

    def made(self, end: End) -> None:
        if self._stage == "over":  # cut before it was there
            end.cut()

    def received(self, end: End, data: bytes) -> None:
        if self._stage == "over":
            return
        self.connection.active_s = self._clock()
        if end is self.server:
            self.bytes_down += len(data)
            self.client.send(data)
            return
        self.bytes_up += len(data)
        if self._stage == "flowing":
            self.server.send(data)
            return
        self._held += data
        if not self.connection.spoke and self._book.stalls_at_first_byte(self.connection):
            self._pace()
        elif self._stage == "opening":
            self._read_opening()
        else:
            self._pace()

    def ended(self, end: End) -> None:
        if end is self.server:
            self.client.send_end()
        elif self._stage == "flowing":
            self.server.send_end()
        elif self._stage == "hung":
            self._end(End.close)  # it has lost patience
        elif self._stage == "opening":
            self._read_opening()
        if self.client.has_ended and self.server.has_ended:
            self._end(End.close)

    def pressed(self) -> None:
        self._pace()

    def lost(self, *, broken: bool) -> None:
        """A break of one end breaks the other."""
        if self._stage != "over":
            self._end(End.reset if broken else End.close)
        if not self.client.is_open and not self.server.is_open:
            self._gone(self)

    # -- inside ---------------------------------------------------------------------------

    def _read_opening(self) -> None:
        if self.connection.stalled_by:
            return
        opening = read_opening(self._held) if self._held else None
        if opening is None:
            if self.client.has_ended:
                self._give_up_opening()
            return
        match self._book.decide(self.connection, opening):
            case Forward(content):
                self._join(content)
            case Answer(content):
                self.client.send(content)
                self._end(End.close)
            case NoAnswer():
                self._stage = "hung"

    def _give_up_opening(self) -> None:
        """The client sends no more, and it was no whole request."""
        if self._held:
            self._join(self._held)
        else:
            self._end(End.close)

    def _join(self, content: bytes) -> None:
        self._held = content
        self._stage = "joining"
        self._pace()
        self._joining = asyncio.create_task(self._call_server())

    async def _call_server(self) -> None:
        try:
            await self._connect(self.server)
        except OSError:
            self._joining = None
            self._end(End.cut)  # as Toxiproxy does: accepted, then closed
            return
        self._stage = "flowing"
        self.server.send(self._held)
        self._held = b""
        if self.client.has_ended:
            self.server.send_end()
        self._pace()

    def _pace(self) -> None:
        """Read from an end what the other can take."""
        if self._stage == "over":
            return
        free = not self.connection.stalled_by
        room = len(self._held) <= LONGEST_HEAD_BYTES
        takes = self._stage in ("opening", "hung") and room
        flows = self._stage == "flowing" and not self.server.is_full
        self.client.read(free and (takes or flows))
        self.server.read(free and not self.client.is_full)

    def _end(self, how: Callable[[End], None]) -> None:
        self._stage = "over"
        self._book.close(self.connection.number)
        if self._joining is not None:
            self._joining.cancel()
        how(self.client)
        how(self.server)
