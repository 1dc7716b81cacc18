"""Which way a fault of the network acts; a proxy has two streams, and each its own toxics."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from chaos.faults.model import BOTH_WAYS
from chaos.toxiproxy.model import Stream
from harness.runsettings import Text

Direction = Annotated[
    Literal["both", "upstream", "downstream"],
    msgspec.Meta(description="both, upstream or downstream"),
]
"""``upstream`` is from the client to the server."""

WAYS: dict[str, Text] = {
    "both": Text("Everything sent and everything received", "보내는 것과 받는 것이 모두"),
    "upstream": Text("Everything sent", "보내는 것이"),
    "downstream": Text("Everything received", "받는 것이"),
}
"""Subjects of a sentence, seen from the user."""


def streams_of(direction: Literal["both", "upstream", "downstream"]) -> tuple[Stream, ...]:
    """The streams that a direction means."""
    return BOTH_WAYS if direction == "both" else (direction,)
