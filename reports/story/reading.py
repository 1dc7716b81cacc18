"""Takes from a run directory what a story needs, record block by record block.

The small files are read whole; of ``events/`` only what was asked for stays in memory, so that
one user of a long run costs little. A kind of event that this version does not know is kept as
it is (:class:`~reports.story.life.UnknownEvent`), unlike in an audit, which refuses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.commitlog import Commit
from harness.errors import RecordError
from harness.receipts import Receipt
from harness.recorder import DELIVERY, Block, DamageError, Record, open_record
from harness.records import Delivery, Event, Fate, PageOpened, Path
from harness.rundir import RunDir
from harness.runsettings import PlannedSend, RunSettings
from reports.history import Damage
from reports.loading import read_json, read_lines, read_plan, read_receipts
from reports.story.life import Told, UnknownEvent

PRESENCE = frozenset({"page_opened", "page_closed", "visibility", "online"})
"""What tells whether a user was there."""
_RIG = frozenset({"rig_sample", "record_ended"})


@dataclass(frozen=True)
class Papers:
    """A run directory without its records."""

    settings: RunSettings
    plan: tuple[PlannedSend, ...]
    commits: tuple[Commit, ...]
    receipts: tuple[Receipt, ...]
    notes: tuple[str, ...]
    """What could not be read."""


@dataclass(frozen=True)
class Wanted:
    """Which records to keep."""

    users: frozenset[int] = frozenset()
    """Everything of theirs."""
    kinds: frozenset[str] = frozenset()
    """These events of everybody."""
    row_ids: frozenset[int] = frozenset()
    """Deliveries of these rows to everybody."""


@dataclass(frozen=True)
class Kept:
    """What was kept of one process's record."""

    process: str
    events: tuple[tuple[int, Event | UnknownEvent], ...]
    """With their sequence numbers, as the deliveries'."""
    deliveries: NDArray[Any]
    delivery_seqs: NDArray[np.int64]
    last_s: float
    """The last moment recorded of any user; -inf: none."""
    damage: str

    def told(self, user: int) -> list[Told]:
        """One user's records in order."""
        mine = self.deliveries["user"] == user
        numbered: list[tuple[int, Told]] = [
            (seq, event) for seq, event in self.events if _user_of(event) == user
        ]
        for seq, row in zip(self.delivery_seqs[mine], self.deliveries[mine], strict=True):
            numbered.append((int(seq), _delivery(row)))
        numbered.sort(key=lambda pair: pair[0])
        return [record for _, record in numbered]

    def as_record(self) -> Record:
        """As an audit takes it."""
        known = [(s, e) for s, e in self.events if not isinstance(e, UnknownEvent)]
        return Record(
            process=self.process,
            deliveries=self.deliveries,
            delivery_seqs=self.delivery_seqs,
            events=known,
            complete=not self.damage,
            damage=self.damage,
        )


class _Head(msgspec.Struct):
    """As much of an event as decides whether it is wanted."""

    kind: str
    t_s: float
    user: Any = None


_decode_heads = msgspec.json.Decoder(_Head).decode_lines
_decode_event = msgspec.json.Decoder(Event).decode


def read_papers(run_dir: RunDir) -> Papers:
    """Raises :class:`RecordError` where settings or plan cannot be read."""
    damages: list[Damage] = []
    settings = read_json(run_dir.settings, RunSettings)
    plan = read_plan(run_dir.plan)
    commits = read_lines(run_dir.commits, Commit, damages)
    book = read_receipts(run_dir.receipts, damages)
    notes = tuple(damage.sentence.en for damage in damages)
    return Papers(settings, tuple(plan), commits, book.receipts, notes)


def read_pages(run_dir: RunDir) -> tuple[PageOpened, ...]:
    """Every page that anybody opened, in order of time."""
    kept, _ = read_kept(run_dir, Wanted(kinds=frozenset({"page_opened"})))
    pages = [e for k in kept for _, e in k.events if isinstance(e, PageOpened)]
    return tuple(sorted(pages, key=lambda page: page.t_s))


def read_kept(run_dir: RunDir, wanted: Wanted) -> tuple[tuple[Kept, ...], tuple[str, ...]]:
    """What is wanted of every record, and notes on what could not be read."""
    kept: list[Kept] = []
    notes: list[str] = []
    for path in sorted(run_dir.events.glob("*.cqr")):
        name = f"events/{path.name}"
        try:
            found = _read_one(path, wanted)
        except RecordError as error:
            notes.append(str(error).replace(str(path), name))
            continue
        kept.append(found)
        if found.damage:
            notes.append(f"{name} is damaged: {found.damage}; what is behind is not told")
    return tuple(kept), tuple(notes)


def _read_one(path: FilePath, wanted: Wanted) -> Kept:
    blocks = open_record(path)
    events: list[tuple[int, Event | UnknownEvent]] = []
    rows: list[NDArray[Any]] = [np.empty(0, dtype=DELIVERY)]
    seqs: list[NDArray[np.int64]] = [np.empty(0, dtype=np.int64)]
    last_s, damage = -np.inf, ""
    try:
        for block in blocks:
            if block.holds_events:
                block_last_s = _keep_events(block, wanted, events)
            else:
                block_last_s = _keep_deliveries(block, wanted, rows, seqs)
            last_s = max(last_s, block_last_s)
    except DamageError as error:
        damage = str(error)
    return Kept(
        process=blocks.process,
        events=tuple(events),
        deliveries=np.concatenate(rows),
        delivery_seqs=np.concatenate(seqs),
        last_s=last_s,
        damage=damage,
    )


def _keep_events(
    block: Block, wanted: Wanted, events: list[tuple[int, Event | UnknownEvent]]
) -> float:
    last_s = -np.inf
    try:
        heads = _decode_heads(block.payload)
        lines = block.payload.split(b"\n")
        for place, head in enumerate(heads):
            if head.kind not in _RIG:
                last_s = max(last_s, head.t_s)
            mine = isinstance(head.user, int) and head.user in wanted.users
            if mine or head.kind in wanted.kinds:
                events.append((block.first_seq + place, _event(lines[place])))
    except msgspec.DecodeError as error:
        raise DamageError(f"byte {block.at_byte}: events do not decode: {error}") from None
    return last_s


def _event(line: bytes) -> Event | UnknownEvent:
    try:
        known: Event = _decode_event(line)
        return known
    except msgspec.ValidationError:
        fields = msgspec.json.decode(line, type=dict[str, object])
        t_s, kind = float(str(fields.pop("t_s"))), str(fields.pop("kind"))
        return UnknownEvent(t_s, kind, fields)


def _keep_deliveries(
    block: Block, wanted: Wanted, rows: list[NDArray[Any]], seqs: list[NDArray[np.int64]]
) -> float:
    found = block.deliveries()
    keep = np.isin(found["user"], list(wanted.users))
    keep |= np.isin(found["row_id"], list(wanted.row_ids))
    if keep.any():
        rows.append(found[keep])
        seqs.append(block.first_seq + np.flatnonzero(keep))
    return float(found["t_s"].max(initial=-np.inf))


def _delivery(row: Any) -> Delivery:
    path, fate = int(row["path"]), int(row["fate"])
    return Delivery(
        float(row["t_s"]),
        int(row["user"]),
        int(row["row_id"]),
        # A later version may know more of them; as numbers they can still be told.
        Path(path) if path in set(Path) else path,  # type: ignore[arg-type]
        Fate(fate) if fate in set(Fate) else fate,  # type: ignore[arg-type]
    )


def _user_of(event: Event | UnknownEvent) -> object:
    if isinstance(event, UnknownEvent):
        return event.fields.get("user")
    return getattr(event, "user", None)
