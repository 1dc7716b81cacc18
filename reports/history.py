"""A whole run as one frozen value: everything an audit may look at.

:func:`assemble` is pure; ``reports.loading`` reads the files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec
import numpy as np
import pandas as pd

from harness.commitlog import Commit, Subscription
from harness.receipts import Probe, Receipt, ReceiptBook
from harness.recorder import DELIVERY, Record
from harness.records import Event, PageOpened, RigSample
from harness.runsettings import PlannedSend, RunSettings, Text

T = TypeVar("T", bound=msgspec.Struct)

_DTYPES: Mapping[Any, np.dtype[Any]] = MappingProxyType(
    {float: np.dtype(np.float64), int: np.dtype(np.int64), bool: np.dtype(np.bool_)}
)


@dataclass(frozen=True)
class Damage:
    """A file that says less than it should."""

    file: str
    """Its name inside the run directory."""
    sentence: Text
    missing: bool = False


@dataclass(frozen=True)
class ProcessRecord:
    """How well one process's record was kept."""

    process: str
    complete: bool
    damage: str


@dataclass(frozen=True)
class Events:
    """All events of a run by type, in time order."""

    by_type: Mapping[type[msgspec.Struct], Sequence[Any]]
    """Each sequence holds instances of its key."""

    def of(self, kind: type[T]) -> Sequence[T]:
        """All events of one type, in time order; empty where there were none."""
        return self.by_type.get(kind, ())

    def frame(self, kind: type[T]) -> pd.DataFrame:
        """:meth:`of` as a table with a column for each field; typed even where it is empty."""
        rows = self.of(kind)
        return pd.DataFrame(
            {
                field.name: pd.Series(
                    [getattr(row, field.name) for row in rows],
                    dtype=_DTYPES.get(field.type, np.dtype(object)),
                )
                for field in msgspec.structs.fields(kind)
            }
        )


@dataclass(frozen=True)
class History:
    """A run as it was. All times are host-monotonic seconds."""

    settings: RunSettings
    begin_s: float
    """The load begins; the first moment known where the load never began."""
    end_s: float
    """The audit's end; the last moment known where the run was cut."""
    plan: pd.DataFrame
    """``user, number, room, client_msg_id, planned_s``; a row for each planned send."""
    commits: pd.DataFrame
    """``seq, op, row_id, room, user_id, client_msg_id, committed_s, written_s``, in commit
    order."""
    subscriptions: tuple[Subscription, ...]
    receipts: tuple[Receipt, ...]
    probes: tuple[Probe, ...]
    users: pd.DataFrame
    """``user, user_id, room, cohort, opened_s``; a row for each user who opened a page, by
    their last opening: the audit looks at that page."""
    deliveries: pd.DataFrame
    """``t_s, user, row_id, path, fate`` on the users' last pages, in time order."""
    events: Events
    records: tuple[ProcessRecord, ...]
    damages: tuple[Damage, ...]


def assemble(
    settings: RunSettings,
    *,
    plan: Sequence[PlannedSend],
    commits: Sequence[Commit],
    subscriptions: Sequence[Subscription],
    book: ReceiptBook,
    records: Sequence[Record],
    damages: Sequence[Damage] = (),
) -> History:
    """Put the contents of a run directory's files together."""
    events = _events(records)
    users = _users(events)
    deliveries = _deliveries(records, events, users)
    begin_s, end_s = _span(settings, events, deliveries)
    return History(
        settings=settings,
        begin_s=begin_s,
        end_s=end_s,
        plan=_plan_frame(plan, begin_s),
        commits=_commit_frame(commits),
        subscriptions=tuple(subscriptions),
        receipts=book.receipts,
        probes=book.probes,
        users=users,
        deliveries=deliveries,
        events=events,
        records=tuple(ProcessRecord(r.process, r.complete, r.damage) for r in records),
        damages=tuple(damages),
    )


def _events(records: Sequence[Record]) -> Events:
    # Within a process the sequence decides between equal times, and sorting is stable.
    everything = [event for record in records for _, event in record.events]
    everything.sort(key=lambda event: event.t_s)
    by_type: dict[type[msgspec.Struct], list[Event]] = {}
    for event in everything:
        by_type.setdefault(type(event), []).append(event)
    return Events(MappingProxyType(by_type))


def _users(events: Events) -> pd.DataFrame:
    opened = events.frame(PageOpened).rename(columns={"t_s": "opened_s"})
    return opened.drop_duplicates("user", keep="last").sort_values("user", ignore_index=True)


def _deliveries(records: Sequence[Record], events: Events, users: pd.DataFrame) -> pd.DataFrame:
    found = np.concatenate([np.empty(0, dtype=DELIVERY), *(r.deliveries for r in records)])
    order = np.argsort(found["t_s"], kind="stable")
    names = ["t_s", "user", "row_id", "path", "fate"]
    frame = pd.DataFrame({name: found[name][order] for name in names})
    frame["user"] = frame["user"].astype(np.int64)
    opened = events.frame(PageOpened)
    if len(opened) == len(users):
        return frame
    # Somebody opened a second page: what the first one showed is off the screen.
    begin = pd.Series(users["opened_s"].to_numpy(), index=users["user"])
    again = set(opened["user"][opened["user"].duplicated()])
    old = frame["user"].isin(again) & (frame["t_s"] < frame["user"].map(begin))
    return frame[~old].reset_index(drop=True)


def _span(settings: RunSettings, events: Events, deliveries: pd.DataFrame) -> tuple[float, float]:
    # Processes of the rig sample themselves before and after the users' time.
    times = [
        event.t_s
        for kind, found in events.by_type.items()
        if kind is not RigSample
        for event in (found[0], found[-1])
    ]
    if len(deliveries):
        times += [float(deliveries["t_s"].iloc[0]), float(deliveries["t_s"].iloc[-1])]
    begin_s = settings.load_begins_at_s
    if begin_s is None:
        begin_s = (
            settings.started_at_s if settings.started_at_s is not None else min(times, default=0.0)
        )
    end_s = settings.ended_at_s
    if end_s is None:
        end_s = max(times, default=begin_s)
    return begin_s, max(begin_s, end_s)


def _plan_frame(plan: Sequence[PlannedSend], begin_s: float) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "user": np.array([p.user for p in plan], dtype=np.int64),
            "number": np.array([p.number for p in plan], dtype=np.int64),
            "room": np.array([p.room for p in plan], dtype=np.int64),
            "client_msg_id": pd.Series([p.client_msg_id for p in plan], dtype=object),
            "planned_s": np.array([p.at_s for p in plan], dtype=float) + begin_s,
            "second_click": np.array([p.second_click for p in plan], dtype=np.bool_),
        }
    )
    return frame.sort_values(["planned_s", "user", "number"], ignore_index=True)


def _commit_frame(commits: Sequence[Commit]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "seq": np.array([c.seq for c in commits], dtype=np.int64),
            "op": pd.Series([c.op for c in commits], dtype=object),
            "row_id": np.array([c.row_id for c in commits], dtype=np.int64),
            "room": np.array([c.webinar_id for c in commits], dtype=np.int64),
            "user_id": pd.Series([c.user_id for c in commits], dtype=object),
            "client_msg_id": pd.Series([c.client_msg_id for c in commits], dtype=object),
            "committed_s": np.array([c.committed_s for c in commits], dtype=float),
            "written_s": np.array([c.written_s for c in commits], dtype=float),
        }
    )
    return frame.sort_values("seq", ignore_index=True)
