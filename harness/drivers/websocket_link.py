"""One WebSocket of a page, on a :class:`harness.drivers.tcp_stream.TcpStream`.

The protocol is websockets' sans-I/O client (RFC 6455), but for small text frames, which
:mod:`harness.drivers.frame_splitter` reads; what a page sees of a failure is 1006, whatever it
was. Called from the hub, so nothing here may block, switch or lock.
"""

from __future__ import annotations

from typing import Any, Protocol

from websockets.client import ClientProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import WebSocketURI

from harness.client.browser import Browser
from harness.drivers.frame_splitter import FrameSplitter
from harness.drivers.patience import Patience
from harness.drivers.tcp_stream import Address, TcpStream

MAX_MESSAGE_BYTES = 4 * 1024 * 1024

_ANSWER_END = b"\r\n\r\n"


class Owner(Protocol):
    """Who hears of it. Called from the hub."""

    def link_opened(self, number: int) -> None: ...

    def link_closed(self, number: int, code: int, reason: str) -> None: ...

    def link_frame(self, number: int, data: bytes) -> None: ...


class WebSocketLink:
    """A WebSocket from connect to close. Its number is the session's own for the attempt."""

    __slots__ = (
        "_browser",
        "_fragments",
        "_handshake_tail",
        "_owner",
        "_patience",
        "_paused",
        "_protocol",
        "_splitter",
        "_stranded",
        "_tcp",
        "number",
    )

    def __init__(
        self,
        loop: Any,
        address: Address,
        host: str,
        *,
        path: str,
        number: int,
        owner: Owner,
        browser: Browser,
    ) -> None:
        """Start connecting. ``address`` is resolved; ``host`` goes into the request."""
        self.number = number
        self._browser = browser
        self._patience = Patience(loop, browser, self._given_up)
        self._owner = owner
        self._fragments: bytearray | None = None
        """Of the text message under way; the pieces of a binary one are not kept."""
        self._paused = False
        self._stranded = False
        self._handshake_tail = b""
        """The last bytes of the HTTP answer so far: its end may come in two reads."""
        self._splitter: FrameSplitter | None = None
        """Set when the HTTP answer is over."""
        resource, _, query = path.partition("?")
        uri = WebSocketURI(False, host, address[1], resource, query)
        self._protocol = ClientProtocol(uri, max_size=MAX_MESSAGE_BYTES)
        self._patience.connecting()
        self._tcp = TcpStream(loop, address, self)

    def send_text(self, data: bytes) -> None:
        """Queue a text frame; nothing happens unless the WebSocket is open."""
        if self._tcp.is_closed or self._protocol.state is not State.OPEN:
            return
        self._protocol.send_text(data)
        self._flush()

    def close(self, code: int | None, reason: str) -> None:
        """Begin the closing handshake, or drop the socket while it is still connecting."""
        if self._tcp.is_closed:
            return
        if self._protocol.state is State.OPEN:
            self._patience.closing()
            self._protocol.send_close(code, reason)
            self._flush()
        elif self._protocol.state is State.CONNECTING:
            self._lost(CloseCode.ABNORMAL_CLOSURE, "closed while connecting")

    @property
    def is_closing(self) -> bool:
        """Closed by us, and the peer has not answered yet."""
        return not self._tcp.is_closed and self._protocol.state is State.CLOSING

    def pause(self) -> None:
        """The network is gone: nothing gets through, and an open WebSocket does not notice. One
        that was still connecting is lost (Chrome's ``ERR_NETWORK_CHANGED``)."""
        if self._tcp.is_closed:
            return
        if self._protocol.state is State.CONNECTING:
            self._lost(CloseCode.ABNORMAL_CLOSURE, "network changed")
            return
        self._paused = True
        self._patience.unreachable()
        self._tcp.pause()

    def resume(self) -> None:
        """The network is back: what was held on both sides goes through now."""
        if self._tcp.is_closed or not self._paused or self._stranded:
            return
        self._paused = False
        self._patience.stirred()
        self._tcp.resume()

    def strand(self) -> None:
        """The network is gone, and there is another with another address: nothing will get through
        any more, and nobody says so."""
        self.pause()
        self._stranded = True

    def suspend(self) -> None:
        """The machine sleeps, and what the browser waits for with it."""
        self.pause()
        self._patience.over()

    def leave(self) -> None:
        """The browser takes it away from its page: the peer is told, the owner is not."""
        if not self._tcp.is_closed and self._protocol.state is State.OPEN:
            self._protocol.send_close(CloseCode.GOING_AWAY)
            self._tcp.write_last(b"".join(self._protocol.data_to_send()))
        self.drop()

    def drop(self) -> None:
        """Release the socket at once and tell nobody."""
        if self._tcp.is_closed:
            return
        self._patience.over()
        self._tcp.close()

    # -- what the connection does (see tcp_stream.Reader) ---------------------------------

    def tcp_connected(self) -> None:
        """Ask for a WebSocket, as what stands between lets it through."""
        request = self._protocol.connect()
        if self._browser.websocket == "upgrade_held":
            return
        if self._browser.websocket == "upgrade_stripped":
            del request.headers["Connection"], request.headers["Upgrade"]
        self._protocol.send_request(request)
        self._flush()

    def tcp_received(self, data: bytes) -> None:
        """The hot path begins here."""
        self._patience.stirred()
        if not data:
            self._protocol.receive_eof()
            self._advance()
            self._finished()
        elif self._splitter is None:
            self._answer(data)
        else:
            self._frames(self._splitter, data)

    def tcp_sent(self) -> None:
        self._patience.stirred()

    def tcp_failed(self, reason: str) -> None:
        self._lost(CloseCode.ABNORMAL_CLOSURE, reason)

    # -- inside ---------------------------------------------------------------------------

    def _answer(self, data: bytes) -> None:
        """Bytes of the HTTP answer, and perhaps of the frames after it."""
        known = len(self._handshake_tail)
        seen = self._handshake_tail + data
        end = seen.find(_ANSWER_END)
        if end < 0:
            self._handshake_tail = seen[-len(_ANSWER_END) + 1 :]
            self._pass_on(data)
            return
        cut = end + len(_ANSWER_END) - known
        self._splitter = FrameSplitter()
        self._pass_on(data[:cut])
        if cut < len(data) and not self._tcp.is_closed:
            self._frames(self._splitter, data[cut:])

    def _frames(self, splitter: FrameSplitter, data: bytes) -> None:
        """The hot path: most reads are one text frame."""
        for is_text, piece in splitter.feed(data):
            if is_text:
                self._owner.link_frame(self.number, piece)
            else:
                self._pass_on(piece)
            if self._tcp.is_closed:
                return

    def _pass_on(self, data: bytes) -> None:
        """Let the protocol read these bytes, and end where it says so."""
        self._protocol.receive_data(data)
        self._advance()
        if self._is_over:
            self._finished()

    def _advance(self) -> None:
        """Tell what the protocol found, and send what it wants sent."""
        for event in self._protocol.events_received():
            self._received(event)
            if self._tcp.is_closed:
                return
        self._flush()

    def _received(self, event: Any) -> None:
        if isinstance(event, Frame):
            self._frame(event)
        elif isinstance(event, Response):
            # Not its state: a Close frame of the same read may have ended it already.
            if self._protocol.handshake_exc is None:
                self._patience.opened()
                self._owner.link_opened(self.number)
            else:
                self._lost(CloseCode.ABNORMAL_CLOSURE, f"HTTP {event.status_code}")

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT:
            if frame.fin:
                self._owner.link_frame(self.number, bytes(frame.data))
            else:
                self._fragments = bytearray(frame.data)
        elif frame.opcode is Opcode.CONT and self._fragments is not None:
            self._fragments += frame.data
            if frame.fin:
                whole, self._fragments = bytes(self._fragments), None
                self._owner.link_frame(self.number, whole)

    def _flush(self) -> None:
        # An empty chunk asks for a half-close; we close at the end.
        data = b"".join(self._protocol.data_to_send())
        if data:
            self._tcp.write(data)

    @property
    def _is_over(self) -> bool:
        """The peer closed it, or said what a browser does not wait to hear the end of."""
        protocol = self._protocol
        broken = protocol.handshake_exc is not None or protocol.parser_exc is not None
        return broken or protocol.close_rcvd is not None

    def _finished(self) -> None:
        """The peer is done: with a Close frame its code, else 1006."""
        received = self._protocol.close_rcvd
        if received is None:
            broken = self._protocol.handshake_exc or self._protocol.parser_exc
            reason = "connection lost" if broken is None else str(broken)
            self._lost(CloseCode.ABNORMAL_CLOSURE, reason)
        else:
            self._lost(received.code, received.reason)

    def _given_up(self, why: str) -> None:
        self._lost(CloseCode.ABNORMAL_CLOSURE, why)

    def _lost(self, code: int, reason: str) -> None:
        if self._tcp.is_closed:
            return
        self.drop()
        self._owner.link_closed(self.number, int(code), reason)
