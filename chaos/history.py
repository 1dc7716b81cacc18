"""What the director did to the rig, as it happened."""

from __future__ import annotations

from typing import Literal

import msgspec

Step = Literal["requested", "applied", "changed", "heal_requested", "heal_applied", "problem"]


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One step in the life of one fault."""

    t_s: float
    """Host-monotonic."""
    fault: str
    """Its name in the scenario."""
    what: Step
    """``applied``, ``changed`` (to its next stage) and ``heal_applied`` come after the part of the
    rig that plays it has confirmed them."""
    detail: str = ""
    """For a problem: what went wrong, in one sentence."""
