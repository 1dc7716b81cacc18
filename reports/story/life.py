"""What is known of one user of a run: what a story is told from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from harness.commitlog import Commit
from harness.receipts import Receipt
from harness.records import Delivery, Event, PageClosed, PageOpened
from harness.runsettings import FaultSummary, PlannedSend


@dataclass(frozen=True)
class UnknownEvent:
    """An event of a kind that this version does not know."""

    t_s: float
    kind: str
    fields: Mapping[str, object]
    """All of it but time, user and kind."""


Told = Event | UnknownEvent | Delivery


@dataclass(frozen=True)
class Row:
    """A committed message."""

    row_id: int
    room: int
    author: int | None
    """The emulated user who wrote it; ``None``: somebody else, or nobody knows."""
    client_msg_id: str
    body: str
    committed_s: float
    changed_s: float = math.inf
    """When it was first changed or deleted; inf: never."""


@dataclass(frozen=True)
class Page:
    """A stretch in which the user had the chat open."""

    room: int
    opened_s: float
    closed_s: float

    def covers(self, t_s: float) -> bool:
        return self.opened_s <= t_s < self.closed_s


@dataclass(frozen=True)
class Fault:
    """A fault on the user's path, as measured. Times are host-monotonic seconds."""

    name: str
    sentence: str
    begin_s: float
    """The first effect; where none was seen, when it was applied or asked for."""
    end_s: float
    """The healing, or the end of the run."""
    seen: bool
    """Its effect was measured."""
    healed: bool


@dataclass(frozen=True)
class Life:
    """One user. Times are host-monotonic seconds."""

    user: int
    zero_s: float
    """Where the story's time begins."""
    end_s: float
    load_ends_s: float | None
    late_after_s: float
    records: tuple[Told, ...]
    """Theirs, in order."""
    plan: Mapping[int, PlannedSend]
    """Their planned sends by number."""
    rows: Mapping[int, Row]
    """Every committed message of their rooms by id."""
    faults: tuple[Fault, ...]

    def pages(self) -> tuple[Page, ...]:
        """Every page they opened; one that did not close was open to the end."""
        found: list[Page] = []
        opened: PageOpened | None = None
        for record in self.records:
            if isinstance(record, PageOpened | PageClosed) and opened is not None:
                found.append(Page(opened.room, opened.t_s, record.t_s))
                opened = None
            if isinstance(record, PageOpened):
                opened = record
        if opened is not None:
            found.append(Page(opened.room, opened.t_s, self.end_s))
        return tuple(found)


def rows_of(
    commits: Iterable[Commit], rooms: frozenset[int], users: Mapping[str, int]
) -> dict[int, Row]:
    """The rows of some rooms by id. ``users``: numbers by ``user_id``."""
    rows: dict[int, Row] = {}
    changed: dict[int, float] = {}
    for commit in commits:
        if commit.op != "INSERT":
            changed.setdefault(commit.row_id, commit.committed_s)
        elif commit.webinar_id in rooms:
            rows[commit.row_id] = Row(
                row_id=commit.row_id,
                room=commit.webinar_id,
                author=users.get(commit.user_id),
                client_msg_id=commit.client_msg_id,
                body=commit.body,
                committed_s=commit.committed_s,
            )
    for row_id in changed.keys() & rows.keys():
        rows[row_id] = replace(rows[row_id], changed_s=changed[row_id])
    return rows


def faults_on(
    cohorts: frozenset[str],
    receipts: Iterable[Receipt],
    summaries: Iterable[FaultSummary],
    end_s: float,
) -> tuple[Fault, ...]:
    """The faults that hit one of the cohorts, in order of time."""
    sentences = {summary.name: summary.sentence.en for summary in summaries}
    found = []
    for receipt in receipts:
        if receipt.cohorts and not cohorts & set(receipt.cohorts):
            continue
        moments = (receipt.first_effect_s, receipt.applied_s, receipt.requested_s)
        begin_s = next((t for t in moments if t is not None), None)
        if begin_s is None:
            continue  # It was never played.
        name, _, _ = receipt.fault.partition("#")
        found.append(
            Fault(
                name=receipt.fault,
                sentence=sentences.get(receipt.fault, sentences.get(name, "")),
                begin_s=begin_s,
                end_s=receipt.healed_s if receipt.healed_s is not None else end_s,
                seen=receipt.first_effect_s is not None,
                healed=receipt.healed_s is not None,
            )
        )
    return tuple(sorted(found, key=lambda fault: fault.begin_s))
