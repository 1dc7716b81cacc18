"""The results of an audit, computed once; every renderer is a function of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from harness.receipts import Receipt
from harness.runsettings import RunSettings, Text

Result = Literal["pass", "fail", "invalid"]

RUN = "run"
"""The window that is the whole run."""
EVERYBODY = "all"
"""The cohort that is everybody."""


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the run for one cohort, cut at the receipts' times (docs/metrics.md)."""

    name: str
    """``run``, ``before``, ``during:<fault>``, ``recovery:<fault>``, ``after``."""
    cohort: str
    begin_s: float
    """Host-monotonic; a window contains its begin and not its end."""
    end_s: float


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one window and cohort."""

    metric: str
    """With the percentile where it has some: ``ack_s.p99``."""
    window: str
    cohort: str
    value: float | None
    """``None`` where the figure makes no sense here."""
    unit: Literal["s", "1", "1/s", "messages", "count"]
    n: int
    """Samples behind it (the denominator of a rate)."""
    numerator: float | None = None
    denominator: float | None = None
    beyond: bool = False
    """The percentile falls among what never ended: it is longer than ``value``."""
    interval: tuple[float, float] | None = None


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``metrics.json``."""

    format_version: int = 1
    windows: tuple[Window, ...]
    cells: tuple[Cell, ...]

    def cell(self, metric: str, window: str = RUN, cohort: str = EVERYBODY) -> Cell | None:
        """The figure, or ``None`` where it was not computed."""
        wanted = (metric, window, cohort)
        return next((c for c in self.cells if (c.metric, c.window, c.cohort) == wanted), None)


class GateResult(msgspec.Struct, frozen=True, kw_only=True):
    metric: str
    window: str
    cohort: str
    bound: str
    """As written, e.g. ``<= 0.02``."""
    value: float | None
    unit: str
    n: int
    result: Result
    reason: Text | None = None
    """Why it is invalid or failed, in words; ``None`` for a pass."""
    beyond: bool = False
    """The percentile falls among what never ended: it is longer than ``value``."""


class RigFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Something about the harness itself: fatal ones make the run invalid."""

    level: Literal["fatal", "warning"]
    what: str
    """A short id, e.g. ``no_traffic``, ``receipt_missing``, ``generator_starved``."""
    sentence: Text
    """With the number that decided it."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The content of ``verdict.json``."""

    verdict: Result
    reasons: tuple[str, ...]
    """In English, for scripts; the pages say the gates' and findings' own sentences."""
    gates: tuple[GateResult, ...]
    rig: tuple[RigFinding, ...]

    @property
    def exit_code(self) -> int:
        """0 pass, 1 fail, 3 invalid (docs/exit-codes-and-verdict.md)."""
        return {"pass": 0, "fail": 1, "invalid": 3}[self.verdict]


@dataclass(frozen=True)
class Point:
    """One delivery for the latency figure; times in seconds after the load begins."""

    at_s: float
    """When it was committed."""
    delay_s: float
    path: Literal["realtime", "poll", "api"]


@dataclass(frozen=True)
class Series:
    """What the figures draw; times in seconds after the load begins."""

    deliveries: tuple[Point, ...]
    """At most a few thousand: the slowest of each bin and path are always kept."""
    second_s: tuple[float, ...]
    """Left edges of the one-second bins of everything below."""
    users_live: tuple[float, ...]
    """Users with rows flowing over Realtime and polling off; mean over the bin."""
    users_fallback: tuple[float, ...]
    """Users with polling on."""
    users_dark: tuple[float, ...]
    """Users with their page open and neither."""
    polls: tuple[int, ...]
    reconnects: tuple[int, ...]
    sends: tuple[int, ...]
    send_timeouts: tuple[int, ...]


@dataclass(frozen=True)
class MessageFault:
    """A message that went wrong, for the lists of the report."""

    kind: Literal["lost", "visible_duplicate", "duplicate_row", "lost_after_ack", "stuck_pending"]
    client_msg_id: str
    row_id: int | None
    room: int
    sender: int
    receivers: tuple[int, ...]
    """Whom it hit; empty where it is no matter of receivers."""
    committed_at_s: float | None
    """Seconds after the load begins."""


@dataclass(frozen=True)
class Audit:
    """Everything that a renderer may use."""

    settings: RunSettings
    receipts: tuple[Receipt, ...]
    metrics: Metrics
    verdict: Verdict
    series: Series
    wrong: tuple[MessageFault, ...]
    rig_table: tuple[tuple[str, float, float, float], ...]
    """Process, highest CPU share, worst loop lag (s), largest RSS (MiB)."""
