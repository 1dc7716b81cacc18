"""Which planted defects can do nothing because of another that is planted too."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.server.defects import Defect, Defects

_HIDDEN: Mapping[Defect, tuple[str, tuple[Defect, ...]]] = MappingProxyType(
    {
        Defect.HANG_CREATE: (
            "no send gets past it",
            (
                *(Defect.ERROR_BURST, Defect.LOST_AFTER_ACK, Defect.ACK_BEFORE_COMMIT),
                *(Defect.SLOW_COMMIT, Defect.POLL_ID_GAP, Defect.NO_IDEMPOTENCY),
                *(Defect.ACK_LOST, Defect.HTML_ERROR, Defect.EMPTY_BODY, Defect.WRONG_SCHEMA),
                Defect.REBROADCAST_ON_RETRY,
            ),
        ),
        Defect.ACK_BEFORE_COMMIT: (
            "the answer is out before the commit",
            (Defect.NO_IDEMPOTENCY, Defect.SLOW_COMMIT),
        ),
        Defect.NO_UNIQUE_KEY: (
            "a repeated send is a new row and never meets the old one",
            (Defect.NO_IDEMPOTENCY, Defect.REBROADCAST_ON_RETRY),
        ),
        Defect.MUTE: (
            "nobody gets any row",
            (
                *(Defect.EVENT_LOST, Defect.EVENT_TWICE, Defect.EVENTS_REORDERED),
                *(Defect.EVENT_WITHOUT_ID, Defect.STALE_UPDATE, Defect.DELETE_NOT_SENT),
                *(Defect.REBROADCAST_ON_RETRY, Defect.EVENT_LOST_ON_RECONNECT),
            ),
        ),
    }
)
"""By the defect that hides: why, and what it hides."""


def defect_notes(planted: Defects) -> list[str]:
    """A line for each planted defect that can do nothing, and beside which; sorted."""
    return sorted(
        f"{hidden} can do nothing beside {hiding}: {why}"
        for hiding, (why, those) in _HIDDEN.items()
        if hiding in planted
        for hidden in those
        if hidden in planted
    )
