"""When a person does what: their plan, their acts, and their reactions to failed messages.

The plan is open: its moments are fixed before the run, whatever happens. A retry is none of it: it
answers a failure that the person saw, so a slow or broken system makes more of them. Its delay is
fixed with the plan all the same (``PlannedSend.retry_after_s``), so chance has no part in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from harness.client.commands import ShowFailure
from harness.runsettings import PlannedAct, PlannedSend

Step = PlannedAct | PlannedSend


@dataclass(frozen=True, slots=True)
class Retry:
    """To press "send again" on a failed message."""

    send: PlannedSend
    attempt: int
    """The one that it begins, from 2."""
    due_s: float
    """On the clock of the harness."""


class Timetable:
    """What is left to do, by time. Moments are on the clock of the harness."""

    __slots__ = ("_begins_s", "_next", "_retries", "_steps")

    def __init__(
        self, plan: Sequence[PlannedSend], acts: Sequence[PlannedAct], *, begins_s: float
    ) -> None:
        """``begins_s``: when the load begins."""
        # An act goes before a send of the same moment: sorting is stable.
        self._steps: list[Step] = sorted([*acts, *plan], key=lambda step: step.at_s)
        self._next = 0
        self._begins_s = begins_s
        self._retries: list[Retry] = []
        """Of the failed messages on the screen, in the order of their failures."""

    @property
    def next_step_s(self) -> float:
        """When the next step is planned; infinity where none is left."""
        if self._next == len(self._steps):
            return inf
        return self.moment_of(self._steps[self._next])

    @property
    def next_retry_s(self) -> float:
        """When the next retry is due; infinity where none is."""
        return min((retry.due_s for retry in self._retries), default=inf)

    def pop_step(self, now_s: float) -> tuple[Step, float] | None:
        """The next step that is due, with its planned moment."""
        planned_s = self.next_step_s
        if planned_s > now_s:
            return None
        self._next += 1
        return self._steps[self._next - 1], planned_s

    def pop_retry(self, now_s: float) -> Retry | None:
        """The first retry that is due."""
        due = min(self._retries, key=lambda retry: retry.due_s, default=None)
        if due is None or due.due_s > now_s:
            return None
        self._retries.remove(due)
        return due

    def moment_of(self, step: Step) -> float:
        """Its planned moment."""
        return self._begins_s + step.at_s

    def failed(self, failure: ShowFailure, now_s: float) -> None:
        """The person sees that a message of theirs failed; they will retry, or give up."""
        send = next(
            step
            for step in self._steps
            if isinstance(step, PlannedSend) and step.client_msg_id == failure.client_msg_id
        )
        if failure.attempt <= len(send.retry_after_s):
            due_s = now_s + send.retry_after_s[failure.attempt - 1]
            self._retries.append(Retry(send, failure.attempt + 1, due_s))

    def forget_failures(self) -> None:
        """The page that showed them is gone."""
        self._retries.clear()

    def give_up(self) -> list[tuple[PlannedSend, float]]:
        """Nothing more is done. Answers with the sends that were left, and their moments."""
        left = self._steps[self._next :]
        self._next = len(self._steps)
        self._retries.clear()
        return [(step, self.moment_of(step)) for step in left if isinstance(step, PlannedSend)]
