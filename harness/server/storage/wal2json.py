"""Changes of the messages table as the plug-in wal2json writes them (format version 2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec

from harness.server.storage.model import Op
from harness.wire.changes import MessageRow

OPTIONS = (
    *("format-version", "2", "include-timestamp", "true", "include-types", "false"),
    *("actions", "insert,update,delete"),
)


class _Column(msgspec.Struct, frozen=True):
    name: str
    value: Any


class _Line(msgspec.Struct, frozen=True):
    action: str
    timestamp: str
    columns: tuple[_Column, ...] = ()
    identity: tuple[_Column, ...] = ()


_decode = msgspec.json.Decoder(_Line).decode
_OPS: Mapping[str, Op] = MappingProxyType({"I": "INSERT", "U": "UPDATE", "D": "DELETE"})


@dataclass(frozen=True, order=True)
class Place:
    """Where a change stands in the commit log of the whole cluster."""

    lsn: int
    """The end of its transaction's commit."""
    number: int
    """Its number in the transaction, from 0."""


@dataclass(frozen=True)
class Decoded:
    """One change of a row."""

    place: Place
    op: Op
    row: MessageRow | None
    old: MessageRow | None
    committed_unix_s: float
    """The stamp of its transaction's commit: PostgreSQL takes it just before the disk flush."""


def decode(lines: Iterable[tuple[str, str]]) -> list[Decoded]:
    """Read whole transactions, given as ``lsn`` and ``data`` of each line of a slot.

    Needs ``REPLICA IDENTITY FULL``: an UPDATE leaves out long columns that it does not change,
    and they are taken from the row before it.
    """
    decoded: list[Decoded] = []
    changes: list[_Line] = []
    for lsn, data in lines:
        line = _decode(data)
        if line.action == "B":
            changes = []
        elif line.action == "C":
            end = lsn_of(lsn)
            decoded += [_change(Place(end, at), one) for at, one in enumerate(changes)]
        else:
            changes.append(line)
    return decoded


def lsn_of(text: str) -> int:
    """A ``pg_lsn`` such as ``1/2F0`` as a number."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def lsn_text(lsn: int) -> str:
    """A number as ``pg_lsn``."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def _change(place: Place, line: _Line) -> Decoded:
    op = _OPS[line.action]
    old = None if op == "INSERT" else _row(line.identity)
    row = None if op == "DELETE" else _row((*line.identity, *line.columns))
    return Decoded(place, op, row, old, datetime.fromisoformat(line.timestamp).timestamp())


def _row(columns: Iterable[_Column]) -> MessageRow:
    """A row; of a column that comes twice the latter counts."""
    values = {column.name: column.value for column in columns}
    values["created_at"] = _json_time(values["created_at"])
    return MessageRow(**values)


def _json_time(text: str) -> str:
    """``2026-11-23 10:00:00.12+00`` as PostgreSQL writes it in JSON."""
    return f"{text.replace(' ', 'T')}:00"
