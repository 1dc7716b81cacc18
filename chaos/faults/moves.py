"""What a fault in the browser changes: acts in the plan of each user whom it hits."""

from __future__ import annotations

import msgspec

from harness.runsettings import FaultAct


class Moved(msgspec.Struct, frozen=True):
    """Each hit browser does ``go``, in this order, and ``back`` when this no longer holds."""

    go: tuple[FaultAct, ...]
    back: tuple[FaultAct, ...] = ()
