"""What the relay can be told to do to the connections of one listener."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Ending = Literal["fin", "rst"]
"""How both sides of a cut connection see its end. The kernel makes a RST of a FIN where bytes of
the peer lie unread."""

HangEnd = Literal["answered", "cut"]
"""What becomes of the handshakes that still hang when their rule goes."""


class Lifetime(msgspec.Struct, frozen=True, kw_only=True, tag="lifetime"):
    """End a connection that is ``ttl_s`` old, counted from its own begin."""

    ttl_s: float
    ending: Ending = "fin"


class Idleness(msgspec.Struct, frozen=True, kw_only=True, tag="idleness"):
    """End a connection on which no byte has come from either side for ``idle_s``."""

    idle_s: float
    ending: Ending = "fin"


class Refuse(msgspec.Struct, frozen=True, tag="refuse"):
    """Answer the upgrade with an error status, then close."""

    status: int


class Page(msgspec.Struct, frozen=True, tag="page"):
    """Answer the upgrade with 200 and an HTML page, then close."""


class Strip(msgspec.Struct, frozen=True, tag="strip"):
    """Pass the request on without its ``Upgrade`` and ``Connection`` headers."""


class Hang(msgspec.Struct, frozen=True, tag="hang"):
    """Take the request and never answer it, nor show it to the server."""

    at_end: HangEnd


class Upgrades(msgspec.Struct, frozen=True, kw_only=True, tag="upgrades"):
    """Do something else with a WebSocket's opening request than to open it.

    Only the first request of a connection is looked at; other requests pass.
    """

    outcome: Refuse | Page | Strip | Hang
    cut_open: bool
    """End the WebSockets that are open when the rule begins, with a FIN."""


class Stall(msgspec.Struct, frozen=True, tag="stall"):
    """Read nothing from either side any more, until the rule goes; no byte is lost."""


Act = Lifetime | Idleness | Upgrades | Stall


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing done to a share of a listener's connections while it is set."""

    name: str
    """Unique on its listener; fit for a URL."""
    act: Act
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0
    """Of the connections that it concerns; see :mod:`chaos.relay.draw`."""
    seed: int = 0
    """Decides which they are."""
