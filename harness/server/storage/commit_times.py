"""When PostgreSQL's commits were, on the host-monotonic clock.

PostgreSQL stamps a commit with its wall clock. Where that clock stands is measured again and
again: its answer lies between two looks at ours, so that steps of either host's wall clock, or
another host's different one, are noticed.
"""

from __future__ import annotations

from dataclasses import dataclass

DRIFT = 1e-4
"""Two clocks part by less than this in a second."""


@dataclass(frozen=True)
class Offset:
    """PostgreSQL's wall clock minus our monotonic one, as it was measured once."""

    value_s: float
    uncertainty_s: float
    measured_s: float

    def uncertainty_at_s(self, now_s: float) -> float:
        """How wrong the offset can be by now, if nobody set the clock."""
        return self.uncertainty_s + DRIFT * (now_s - self.measured_s)


def measured(asked_s: float, answer_unix_s: float, answered_s: float) -> Offset:
    """The offset from one question: the answer was true at some moment between the two looks."""
    middle_s = (asked_s + answered_s) / 2
    return Offset(answer_unix_s - middle_s, (answered_s - asked_s) / 2, answered_s)


def better(kept: Offset, new: Offset) -> Offset:
    """The surer of two offsets by now; the new one where they contradict: the clock was set."""
    kept_s = kept.uncertainty_at_s(new.measured_s)
    contradict = abs(kept.value_s - new.value_s) > kept_s + new.uncertainty_s
    return new if contradict or new.uncertainty_s <= kept_s else kept


def committed_s(unix_s: float, offset: Offset, previous_s: float, now_s: float) -> float:
    """The monotonic moment of a commit's stamp, in commit order and not in the future.

    A later entry of the log was durable no earlier than the one before it, whatever their
    stamps say; ``previous_s`` is the moment of that one, ``now_s`` the one at which both were
    read.
    """
    return min(now_s, max(previous_s, unix_s - offset.value_s))
