"""Reads a run directory into a :class:`reports.history.History`.

What cannot be read, but leaves the rest able to say something, becomes a
:class:`reports.history.Damage`; ``reports.rig`` turns it into findings.
"""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TypeVar

import msgspec

from harness.commitlog import Commit, Subscription
from harness.errors import RecordError
from harness.receipts import ReceiptBook
from harness.recorder import Record, read_record
from harness.rundir import RunDir
from harness.runsettings import PlannedSend, RunSettings, Text
from reports.history import Damage, History, assemble

T = TypeVar("T", bound=msgspec.Struct)


def load(run_dir: RunDir) -> History:
    """Read a run directory.

    Raises :class:`RecordError` where ``settings.json`` or ``plan.jsonl`` cannot be read:
    nothing can be said without them.
    """
    damages: list[Damage] = []
    settings = read_json(run_dir.settings, RunSettings)
    plan = read_plan(run_dir.plan)
    commits = read_lines(run_dir.commits, Commit, damages)
    subscriptions = read_lines(run_dir.subscriptions, Subscription, damages)
    book = read_receipts(run_dir.receipts, damages)
    records = _read_records(run_dir, damages)
    return assemble(
        settings,
        plan=plan,
        commits=commits,
        subscriptions=subscriptions,
        book=book,
        records=records,
        damages=damages,
    )


def read_json(path: FilePath, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise RecordError(f"{path}: {error}") from None


def read_plan(path: FilePath) -> list[PlannedSend]:
    try:
        return msgspec.json.Decoder(PlannedSend).decode_lines(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise RecordError(f"{path}: {error}") from None


def read_lines(path: FilePath, kind: type[T], damages: list[Damage]) -> tuple[T, ...]:
    """Every line up to the first that cannot be read."""
    try:
        content = path.read_bytes()
    except OSError as error:
        said = Text(
            f"{path.name} cannot be read: {error.strerror}",
            f"{path.name} 파일을 읽을 수 없습니다(“{error.strerror}”)",
        )
        damages.append(Damage(path.name, said, missing=not path.exists()))
        return ()
    decoder = msgspec.json.Decoder(kind)
    try:
        return tuple(decoder.decode_lines(content))
    except msgspec.DecodeError:
        return _read_until_damage(path.name, content, decoder, damages)


def _read_until_damage(
    name: str, content: bytes, decoder: msgspec.json.Decoder[T], damages: list[Damage]
) -> tuple[T, ...]:
    found: list[T] = []
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(decoder.decode(line))
        except msgspec.DecodeError as error:
            total = len(lines)
            said = Text(
                f"{name} line {number} of {total}: {error}; only what is before is used",
                f"{name} 파일 {total}줄 중 {number}번째 줄부터는 쓰지 않았습니다(“{error}”)",
            )
            damages.append(Damage(name, said))
            break
    return tuple(found)


def read_receipts(path: FilePath, damages: list[Damage]) -> ReceiptBook:
    try:
        return read_json(path, ReceiptBook)
    except RecordError as error:
        # The path's folder is no part of a run's results.
        detail = str(error).replace(str(path), path.name)
        damages.append(Damage(path.name, unreadable(path.name, detail), not path.exists()))
        return ReceiptBook(receipts=(), probes=())


def unreadable(name: str, detail: str) -> Text:
    return Text(en=detail, ko=f"{name} 파일을 읽을 수 없습니다(“{detail}”)")


def _read_records(run_dir: RunDir, damages: list[Damage]) -> list[Record]:
    records: list[Record] = []
    for path in sorted(run_dir.events.glob("*.cqr")):
        try:
            records.append(read_record(path))
        except RecordError as error:
            name = f"events/{path.name}"
            detail = str(error).replace(str(path), name)
            damages.append(Damage(name, unreadable(name, detail)))
    return records
