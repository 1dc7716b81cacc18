"""When a browser runs the timers of a hidden page (H10). Pure.

Chrome wakes a hidden page once a second, and once a minute for timers that were set deep inside
timers' callbacks, when it has been hidden for five minutes (docs/browsers.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from random import Random

NO_TIMER = 0
"""The nesting level of what only looks like a timer: an event that a worker sends."""
CHAINED_FROM = 5
"""The nesting level from which a timer counts as chained (Chromium, HTML's timer nesting)."""
PHASES = 1_200
"""A machine's clock is off by one of so many parts of ``chained_align_s``. Machines must not all
wake at once, and those of one phase are woken together (``harness.drivers.timer_wheel``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttling:
    """How one machine's browser slows the timers of hidden pages down. Durations in seconds."""

    align_s: float = 1.0
    chained_align_s: float = 60.0
    chained_after_s: float = 300.0
    phase_s: float = 0.0
    """Where on the harness's clock one of the machine's own multiples falls."""


def draw_phase_s(chained_align_s: float, rng: Random) -> float:
    """One machine's ``phase_s``."""
    return rng.randrange(PHASES) * chained_align_s / PHASES


def run_at_s(
    due_s: float, *, nesting: int, hidden_since_s: float | None, rules: Throttling
) -> float:
    """When a timer that is due at ``due_s`` really runs: never early, and at most one alignment
    late. All times are on one clock; ``hidden_since_s`` is ``None`` for a visible page.

    ``nesting`` is 1 for a timer set by an event (a frame, an answer, a click), and one more than
    its setter's for a timer that was set in the callback of another, or by an interval's turn.
    """
    if nesting == NO_TIMER or hidden_since_s is None or due_s < hidden_since_s:
        return due_s
    deep = nesting >= CHAINED_FROM and due_s >= hidden_since_s + rules.chained_after_s
    return _aligned_s(due_s, rules.chained_align_s if deep else rules.align_s, rules.phase_s)


def _aligned_s(due_s: float, align_s: float, phase_s: float) -> float:
    turns = ceil((due_s - phase_s) / align_s)
    at_s = phase_s + turns * align_s
    # Rounding may lose the last bits of what is due exactly on a multiple.
    return at_s if at_s >= due_s else phase_s + (turns + 1) * align_s
