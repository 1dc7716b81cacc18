"""What the director did to the proxies, as it happened."""

from __future__ import annotations

from typing import Literal

import msgspec

Step = Literal["requested", "applied", "heal_requested", "heal_applied", "problem"]


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One step in the life of one fault."""

    t_s: float
    """Host-monotonic."""
    fault: str
    """Its name in the scenario."""
    what: Step
    """``applied`` and ``heal_applied`` come after Toxiproxy's own list has confirmed them."""
    detail: str = ""
    """For a problem: what went wrong, in one sentence."""
