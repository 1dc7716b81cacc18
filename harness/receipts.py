"""Proof that a fault really began and ended, and the probes behind it.

Written by the chaos side, read by the reports; hence it stands here.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from harness.runsettings import Text

ProbeKind = Literal[
    "ws",
    "http",
    "connect",
    "handshake",
    "idle",
    "close",
    "bulk",
    "send",
    "row",
    "join",
    "poll",
    "clock",
    "switches",
]
"""``close`` leaves a connection and waits to see it closed; ``bulk`` carries many bytes. From
``send`` on they go past the proxies, to the server itself (docs/faults.md)."""
ProbeOutcome = Literal["ok", "closed", "refused", "unanswered", "error", "turned"]
"""``turned``: the server's switches are as the fault wants them."""

NOTHING_SEEN = Text(en="no effect seen", ko="영향이 관측되지 않음")


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One probe of the canary through one proxy."""

    proxy: str
    kind: ProbeKind
    sent_s: float
    outcome: ProbeOutcome
    answered_s: float | None = None
    """When the answer came, a bad one too; ``None`` where none did."""
    detail: str = ""


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """How many a fault hit of those that it could, from the users' own records."""

    unit: Literal["sockets", "users"]
    """``sockets``: open WebSockets of its cohorts when it began. ``users``: those whom a fault in
    the browser was planned for."""
    hit: int
    of: int


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """One fault as it really was. Times are host-monotonic seconds; ``None``: never seen."""

    fault: str
    """The fault's name in the scenario; repeated ones are ``name``, ``name#2``, …"""
    kind: str
    """The fault's type in the catalogue, e.g. ``refused``."""
    cohorts: tuple[str, ...]
    proxies: tuple[str, ...]
    planned_begin_s: float
    planned_end_s: float
    requested_s: float | None = None
    """When the director asked for it."""
    applied_s: float | None = None
    """When the part of the rig that plays it had confirmed it."""
    first_effect_s: float | None = None
    """Sending time of the first probe on which it bit."""
    last_effect_s: float | None = None
    """Sending time of the last probe on which it bit."""
    heal_requested_s: float | None = None
    heal_applied_s: float | None = None
    healed_s: float | None = None
    """Sending time of the first good probe after the last bitten one."""
    effect: Text = NOTHING_SEEN
    """What was measured, in plain words, e.g. ``connect refused, socket closed``."""
    extent: Extent | None = None
    """``None``: the users' records cannot say."""
    problems: tuple[Text, ...] = ()
    """Why this is no proof; empty for a sound receipt."""


class ReceiptBook(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``receipts.json``."""

    receipts: tuple[Receipt, ...]
    probes: tuple[Probe, ...]
