"""What of a browser a user can feel, as data (docs/browsers.md has the sources).

A browser says what becomes of the page's requests, sockets and timers, and of the tab; what the
app does is :mod:`harness.client.policy`. Presets are :data:`BROWSERS`; each states what differs
from Chrome in front of a person, :data:`CHROME`.
"""

from __future__ import annotations

from math import inf
from random import Random
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from harness.client.throttling import Throttling, draw_phase_s

Seconds = Annotated[float, Meta(ge=0)]
SomeSeconds = Annotated[float, Meta(gt=0)]
"""``inf`` (as TOML writes it) means never."""
AWhile = Annotated[float, Meta(gt=0, le=86_400)]
"""A time that ends."""


class Browser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One browser. All durations are seconds, ``inf`` is never. Defaults are desktop Chrome's."""

    name: str

    # -- requests ---
    connections_per_host: Annotated[int, Meta(ge=1, le=256)] = 6
    """HTTP/1.1 connections to a host; further requests wait."""
    repeats_requests: bool = True
    """H7: a request on a *kept* connection that breaks before the head of the answer is sent
    again, a POST too, and the page does not hear of it."""

    # -- WebSockets ---
    websocket: Literal["works", "refused", "upgrade_stripped", "upgrade_held"] = "works"
    """``refused``: by an extension or the page's policy, at once and without a packet.
    ``upgrade_stripped``: a proxy forwards the request without ``Upgrade``, the server answers it
    as HTTP. ``upgrade_held``: a proxy waits for the end of an answer that has none."""
    worker: Literal["works", "refused"] = "works"
    """``refused``: a Web Worker, by the page's policy. The page starts one only where its client
    policy says ``heartbeat_worker``."""
    handshake_timeout_s: AWhile = 240.0
    """A WebSocket that is not open after this is given up."""
    closing_timeout_s: AWhile = 60.0
    """So long the peer may take to answer a Close frame."""
    socket_lasts_s: SomeSeconds = inf
    """T1: an open WebSocket is cut so long after it opened."""
    socket_idle_s: SomeSeconds = inf
    """An open WebSocket is cut when nothing was received or sent on it for so long."""

    # -- the tab ---
    hidden_after_s: Seconds = inf
    """The tab goes to the background so long after the load began, or after a late person's page
    opened."""
    hidden_for_s: SomeSeconds = inf
    """It comes to the front again so much later."""
    freezes_after_s: SomeSeconds = inf
    """A tab in the background for so long is frozen: no task of its page runs until it is shown."""
    discards_after_s: SomeSeconds = inf
    """A tab in the background for so long is discarded: shown again, its page is loaded anew."""
    bfcache_s: Annotated[float, Meta(ge=0, le=86_400)] = 600.0
    """A page that another one has replaced in its tab is kept in the back/forward cache for so
    long, frozen; 0: it is not kept."""
    bfcache_with_socket: bool = True
    """Whether a page with an open WebSocket is kept too, its socket cut; before Chrome 149 it was
    not."""
    timer_align_s: AWhile = 1.0
    """Timers of a hidden page run at multiples of this, on a clock that the machine's tabs
    share."""
    chained_align_s: AWhile = 60.0
    """Timers that were set five deep in timers' callbacks run at multiples of this …"""
    chained_after_s: Seconds = 300.0
    """… when the tab has been hidden for so long (H10)."""

    # -- the device ---
    sleeps_every_s: SomeSeconds = inf
    """Between the end of one sleep of the device and the next, on average."""
    sleeps_for_s: AWhile = 20.0
    """On average; each lasts from half of it to one and a half."""
    switches_every_s: SomeSeconds = inf
    """Between two changes of the network (Wi-Fi to mobile), on average. The new one has another
    address, so what was open over the old one is dead, and nobody says so."""
    switch_takes_s: AWhile = 2.0
    """Without any network, on average; each lasts from half of it to one and a half."""

    def throttling(self, rng: Random) -> Throttling:
        """How one machine's browser runs the timers of hidden pages; ``rng`` is the machine's."""
        return Throttling(
            align_s=self.timer_align_s,
            chained_align_s=self.chained_align_s,
            chained_after_s=self.chained_after_s,
            phase_s=draw_phase_s(self.chained_align_s, rng),
        )


CHROME = Browser(name="chrome")

BROWSERS: dict[str, Browser] = {
    browser.name: browser
    for browser in (
        CHROME,
        Browser(name="edge"),
        Browser(name="chrome-incognito"),
        Browser(name="chrome-extension", websocket="refused"),
        Browser(name="chrome-csp", websocket="refused", worker="refused"),
        Browser(name="chrome-corporate-proxy", websocket="upgrade_stripped", socket_idle_s=30.0),
        Browser(name="chrome-hidden", hidden_after_s=0.0),
        Browser(name="mobile", sleeps_every_s=120.0, switches_every_s=90.0, freezes_after_s=300.0),
    )
}
"""Presets by name; a cohort chooses one and may override any field (docs/browsers.md)."""
