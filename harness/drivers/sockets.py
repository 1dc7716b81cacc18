"""The WebSockets of one page on the real network: the one in use, and those given up for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.client.browser import Browser
from harness.drivers.tcp_stream import Address
from harness.drivers.websocket_link import Owner, WebSocketLink
from harness.records import REFUSED_BY_EXTENSION

ABNORMAL_CLOSURE = 1006
"""What a page sees of a socket that ended without a Close frame (RFC 6455, 7.1.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a cohort's clients connect: its own proxy, or the server itself."""

    address: Address
    host: str


class Sockets:
    """Told by the session which to open and close; ``owner`` hears what becomes of them."""

    __slots__ = ("_blocked", "_browser", "_endpoint", "_lingering", "_link", "_loop", "_owner")

    def __init__(self, loop: Any, endpoint: Endpoint, browser: Browser, owner: Owner) -> None:
        self._loop = loop
        self._endpoint = endpoint
        self._browser = browser
        self._owner = owner
        self._link: WebSocketLink | None = None
        self._lingering: list[WebSocketLink] = []
        """Given up by the library; the browser still waits for the answer to their Close frames."""
        self._blocked = False

    @property
    def in_use(self) -> int | None:
        """The number of the latest one that has not ended, whatever its state."""
        return None if self._link is None else self._link.number

    @property
    def is_one_wanted(self) -> bool:
        """Whether one is open or connecting, and nobody has asked for its end."""
        return self._link is not None and not self._link.is_closing

    # -- one of them ----------------------------------------------------------------------

    def open(self, number: int, path: str, *, has_network: bool) -> None:
        """Start a WebSocket in the place of the last one."""
        if self._link is not None:
            # Given up by the library, whatever TCP still thinks.
            if self._link.is_closing:
                self._lingering.append(self._link)
            else:
                self._link.drop()
            self._link = None
        refused = "" if has_network else "offline"
        if self._browser.websocket == "refused":
            refused = "refused in the browser"
        if self._blocked:
            refused = REFUSED_BY_EXTENSION
        if refused:
            self._loop.run_callback(self._owner.link_closed, number, ABNORMAL_CLOSURE, refused)
            return
        self._link = WebSocketLink(
            self._loop,
            self._endpoint.address,
            self._endpoint.host,
            path=path,
            number=number,
            owner=self._owner,
            browser=self._browser,
        )

    def send(self, number: int, data: bytes) -> None:
        """Nothing happens where it is no longer the one in use."""
        if self._link is not None and self._link.number == number:
            self._link.send_text(data)

    def close(self, number: int, code: int | None, reason: str) -> None:
        if self._link is not None and self._link.number == number:
            self._link.close(code, reason)

    def ended(self, number: int) -> None:
        """This one is gone: forget it."""
        if self._link is not None and self._link.number == number:
            self._link = None
        else:
            self._lingering = [link for link in self._lingering if link.number != number]

    # -- all of them ----------------------------------------------------------------------

    def block(self, blocked: bool) -> None:
        """An extension refuses new ones, at once and without a packet, or no longer does. Those
        that are there stay."""
        self._blocked = blocked

    def cut(self) -> tuple[int, ...]:
        """An extension ends them all: their servers hear no Close frame. Answers with their
        numbers; the owner is not told."""
        numbers = tuple(link.number for link in self._all())
        self.drop()
        return numbers

    def pause(self) -> None:
        """The network is gone."""
        for link in self._all():
            link.pause()

    def resume(self) -> None:
        """It is back."""
        for link in self._all():
            link.resume()

    def strand(self) -> None:
        """Another network is there instead."""
        for link in self._all():
            link.strand()

    def suspend(self) -> None:
        """The machine sleeps."""
        for link in self._all():
            link.suspend()

    def leave(self) -> tuple[int, ...]:
        """The page is gone or put away: the browser ends them all and says so to their servers
        (1001). Answers with their numbers; the owner is not told."""
        ended = self._all()
        for link in ended:
            link.leave()
        self.drop()
        return tuple(link.number for link in ended)

    def drop(self) -> None:
        """Release all at once and tell nobody."""
        for link in self._all():
            link.drop()
        self._link = None
        self._lingering = []

    def _all(self) -> list[WebSocketLink]:
        return [*self._lingering, *([] if self._link is None else [self._link])]
