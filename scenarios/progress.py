"""What a run tells its terminal while it goes on: one JSON object a line on a pipe."""

from __future__ import annotations

from typing import Literal

import msgspec

Phase = Literal[
    "preparing", "spawning", "warming up", "load", "settling", "auditing", "done", "stopping"
]


class Tick(msgspec.Struct, frozen=True, kw_only=True, tag="tick"):
    """The state of the run, about twice a second."""

    phase: Phase
    elapsed_s: float
    """Since the first user started."""
    left_s: float
    """Until the end of the settling phase."""
    users_open: int
    users_live: int
    users_fallback: int
    sends: int
    send_timeouts: int
    deliveries: int
    polls: int
    faults: tuple[str, ...] = ()
    """Names of the faults that are on now."""


class Note(msgspec.Struct, frozen=True, kw_only=True, tag="note"):
    """Something worth a line: a fault begins or ends, a part of the rig breaks."""

    t_s: float
    level: Literal["info", "fault", "error"]
    text: str


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="finished"):
    """The run directory is complete; its verdict is in ``verdict.json``."""

    run_dir: str
    exit_code: int


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag="failed"):
    """The run could not be made."""

    exit_code: int
    text: str


Progress = Tick | Note | Finished | Failed
