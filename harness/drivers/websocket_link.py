"""One WebSocket on a non-blocking TCP socket, driven by gevent's ``loop.io`` watchers.

No greenlet waits for it: reading costs one callback in the hub and one ``recv``, at any number
of connections. So nothing here, or in what it calls, may block, switch or lock. The protocol is
websockets' sans-I/O client (RFC 6455), but for small text frames, which
:mod:`harness.drivers.frame_splitter` reads; what a page sees of a failure is 1006, whatever it
was.
"""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from typing import Any, Protocol

from gevent.monkey import get_original
from websockets.client import ClientProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import WebSocketURI

from harness.client.browser import Browser
from harness.drivers.frame_splitter import FrameSplitter
from harness.drivers.patience import Patience

READ_BYTES = 16_384
"""At most this much a wake-up, so that one busy socket cannot starve the others. The memory is
taken for every read whatever comes, and four times as much costs 0.4 µs more."""
MAX_MESSAGE_BYTES = 4 * 1024 * 1024

_ANSWER_END = b"\r\n\r\n"
_IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK)
_READ, _WRITE = 1, 2  # libev's event bits, as gevent's loop.io takes them

Address = tuple[str, int]


class Owner(Protocol):
    """Who hears of it. Called from the hub."""

    def link_opened(self, number: int) -> None: ...

    def link_closed(self, number: int, code: int, reason: str) -> None: ...

    def link_frame(self, number: int, data: bytes) -> None: ...


class WebSocketLink:
    """A WebSocket from connect to close. Its number is the session's own for the attempt."""

    __slots__ = (
        "_browser",
        "_buffer",
        "_closed",
        "_fragments",
        "_handshake_tail",
        "_loop",
        "_owner",
        "_patience",
        "_paused",
        "_protocol",
        "_reader",
        "_socket",
        "_splitter",
        "_stranded",
        "_writer",
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
        self._loop = loop
        self._owner = owner
        self._buffer = bytearray()
        self._fragments: bytearray | None = None
        """Of the text message under way; the pieces of a binary one are not kept."""
        self._closed = False
        self._paused = False
        self._stranded = False
        self._handshake_tail = b""
        """The last bytes of the HTTP answer so far: its end may come in two reads."""
        self._splitter: FrameSplitter | None = None
        """Set when the HTTP answer is over."""
        resource, _, query = path.partition("?")
        uri = WebSocketURI(False, host, address[1], resource, query)
        self._protocol = ClientProtocol(uri, max_size=MAX_MESSAGE_BYTES)
        # Locust has patched the module: gevent's own class would wrap every recv in a wait that
        # a callback must never make.
        plain_socket = get_original("socket", "socket")
        self._socket = plain_socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = loop.io(self._socket.fileno(), _READ)
        self._writer = loop.io(self._socket.fileno(), _WRITE)
        self._patience.connecting()
        failure = self._socket.connect_ex(address)
        if failure in _IN_PROGRESS or failure == 0:
            self._writer.start(self._connected)
        else:
            # The owner has not stored this link yet: tell it from the loop, not from here.
            loop.run_callback(self._lost, CloseCode.ABNORMAL_CLOSURE, errno.errorcode[failure])

    def send_text(self, data: bytes) -> None:
        """Queue a text frame; nothing happens unless the WebSocket is open."""
        if self._closed or self._protocol.state is not State.OPEN:
            return
        self._protocol.send_text(data)
        self._flush()

    def close(self, code: int | None, reason: str) -> None:
        """Begin the closing handshake, or drop the socket while it is still connecting."""
        if self._closed:
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
        return not self._closed and self._protocol.state is State.CLOSING

    def pause(self) -> None:
        """The network is gone: nothing gets through, and an open WebSocket does not notice. One
        that was still connecting is lost (Chrome's ``ERR_NETWORK_CHANGED``)."""
        if self._closed:
            return
        if self._protocol.state is State.CONNECTING:
            self._lost(CloseCode.ABNORMAL_CLOSURE, "network changed")
            return
        self._paused = True
        self._patience.unreachable()
        self._reader.stop()
        self._writer.stop()

    def resume(self) -> None:
        """The network is back: what was held on both sides goes through now."""
        if self._closed or not self._paused or self._stranded:
            return
        self._paused = False
        self._patience.stirred()
        self._reader.start(self._readable)
        self._flush()

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
        if not self._closed and not self._paused and self._protocol.state is State.OPEN:
            self._protocol.send_close(CloseCode.GOING_AWAY)
            farewell = bytes(self._buffer) + b"".join(self._protocol.data_to_send())
            with suppress(OSError):  # a peer that is gone learns nothing, and misses nothing
                self._socket.send(farewell)
        self.drop()

    def drop(self) -> None:
        """Release the socket at once and tell nobody."""
        if self._closed:
            return
        self._closed = True
        self._patience.over()
        for watcher in (self._reader, self._writer):  # before the descriptor they watch
            watcher.stop()
            watcher.close()
        self._socket.close()

    # -- callbacks of the hub -------------------------------------------------------------

    def _connected(self) -> None:
        self._writer.stop()
        failure = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failure:
            self._lost(CloseCode.ABNORMAL_CLOSURE, errno.errorcode.get(failure, str(failure)))
            return
        self._ask()
        if not self._closed:
            self._reader.start(self._readable)

    def _ask(self) -> None:
        """Send the request for a WebSocket, as what stands between lets it through."""
        request = self._protocol.connect()
        if self._browser.websocket == "upgrade_held":
            return
        if self._browser.websocket == "upgrade_stripped":
            del request.headers["Connection"], request.headers["Upgrade"]
        self._protocol.send_request(request)
        self._flush()

    def _readable(self) -> None:
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(CloseCode.ABNORMAL_CLOSURE, error.strerror or "")
            return
        self._patience.stirred()
        if not data:
            self._protocol.receive_eof()
            self._advance()
            self._finished()
        elif self._splitter is None:
            self._answer(data)
        else:
            self._frames(self._splitter, data)

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
        if cut < len(data) and not self._closed:
            self._frames(self._splitter, data[cut:])

    def _frames(self, splitter: FrameSplitter, data: bytes) -> None:
        """The hot path: most reads are one text frame."""
        for is_text, piece in splitter.feed(data):
            if is_text:
                self._owner.link_frame(self.number, piece)
            else:
                self._pass_on(piece)
            if self._closed:
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
            if self._closed:
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

    # -- inside ---------------------------------------------------------------------------

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            self._buffer += data  # an empty chunk asks for a half-close; we close at the end
        if self._buffer and not self._closed and not self._paused:
            self._write()

    def _write(self) -> None:
        try:
            sent = self._socket.send(self._buffer)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._lost(CloseCode.ABNORMAL_CLOSURE, error.strerror or "")
            return
        self._patience.stirred()
        del self._buffer[:sent]
        if self._buffer:
            self._writer.start(self._write)
        else:
            self._writer.stop()

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
        if self._closed:
            return
        self.drop()
        self._owner.link_closed(self.number, int(code), reason)
