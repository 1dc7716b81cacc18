"""The codec of ``events/<process>.cqr``: the one place that writes and reads records.

A file is a header and blocks. The header is ``magic, version u16, name length u16, name,
crc32 u32``. A block is ``kind u8, length u32, first_seq u64, crc32 u32`` and its payload, all
little-endian; the checksum covers the block's other fields too. Deliveries are
:data:`DELIVERY` structs, all other records JSON lines of :data:`harness.records.Event`.

Records of one process are numbered from 0, in one sequence for both kinds, at the moment they
are handed over. A block holds neighbours only, so ``first_seq`` numbers all of it, and a block
that is missing, doubled or out of place shows.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from types import TracebackType
from typing import Any, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.errors import RecordError
from harness.records import FORMAT_VERSION, Event, Fate, Path, RecordEnded
from harness.wire.changes import MessageRow

MAGIC = b"CHATQUAKE-RECORD"
DELIVERY = np.dtype(
    [("t_s", "<f8"), ("row_id", "<i8"), ("user", "<u4"), ("path", "u1"), ("fate", "u1"), ("", "V2")]
)
"""A delivery on disk: 24 bytes; ``path`` and ``fate`` are the values of the enums."""

_DELIVERIES = 1
_EVENTS = 2
_pack_delivery = struct.Struct("<dqIBBxx").pack
_header = struct.Struct("<HH")
_crc = struct.Struct("<I")
_prefix = struct.Struct("<BIQ")
_BLOCK_HEAD_BYTES = _prefix.size + _crc.size
_encode_lines = msgspec.json.Encoder().encode_lines
_decode_lines = msgspec.json.Decoder(Event).decode_lines


class BlockBuffer:
    """Collects one process's records and gives them as whole blocks, ready to write or send.

    A :class:`harness.records.Sink`. It does no I/O: whoever owns it calls :meth:`drain` about
    once a second and appends the bytes, in order, to the process's :class:`RecordFile`, on
    this host or on another.
    """

    def __init__(self, process: str) -> None:
        self.process = process
        self._seq = 0
        self._deliveries = bytearray()
        self._events: list[Event] = []
        self._blocks: list[bytes] = []
        self._delivery_count = 0
        self._event_count = 0

    def delivery(self, t_s: float, user: int, row: MessageRow, path: Path, fate: Fate) -> None:
        """Take one delivery, of its row only the id.

        Raises :class:`struct.error` for a number that does not fit its field.
        """
        if self._events:
            self._seal_events()
        self._deliveries += _pack_delivery(t_s, row.id, user, path, fate)

    def event(self, event: Event) -> None:
        """Take one event."""
        if self._deliveries:
            self._seal_deliveries()
        self._events.append(event)

    def drain(self) -> bytes:
        """Everything since the last call, as whole blocks; empty where there was nothing."""
        self._seal_deliveries()
        self._seal_events()
        content = b"".join(self._blocks)
        self._blocks.clear()
        return content

    def finish(self, t_s: float) -> bytes:
        """Drain for the last time, ending with :class:`RecordEnded` and the counts before it."""
        self._seal_deliveries()
        self._seal_events()
        self.event(
            RecordEnded(
                t_s=t_s,
                process=self.process,
                deliveries=self._delivery_count,
                events=self._event_count,
            )
        )
        return self.drain()

    def _seal_deliveries(self) -> None:
        if self._deliveries:
            count = len(self._deliveries) // DELIVERY.itemsize
            self._blocks.append(_block(_DELIVERIES, self._seq, bytes(self._deliveries)))
            self._deliveries.clear()
            self._delivery_count += count
            self._seq += count

    def _seal_events(self) -> None:
        if self._events:
            count = len(self._events)
            self._blocks.append(_block(_EVENTS, self._seq, _encode_lines(self._events)))
            self._events.clear()
            self._event_count += count
            self._seq += count


def _block(kind: int, first_seq: int, payload: bytes) -> bytes:
    prefix = _prefix.pack(kind, len(payload), first_seq)
    return prefix + _crc.pack(zlib.crc32(payload, zlib.crc32(prefix))) + payload


class RecordFile:
    """A record being written. Every :meth:`append` reaches the operating system at once."""

    def __init__(self, path: FilePath, process: str) -> None:
        """Start a new record. Raises :class:`RecordError` if the file is there already."""
        name = process.encode()
        content = MAGIC + _header.pack(FORMAT_VERSION, len(name)) + name
        try:
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise RecordError(f"{path}: cannot start a record: {error.strerror}") from None
        self.append(content + _crc.pack(zlib.crc32(content)))

    def append(self, blocks: bytes) -> None:
        """Add what :meth:`BlockBuffer.drain` gave, in the order in which it gave it."""
        rest = memoryview(blocks)
        while rest:
            rest = rest[self._file.write(rest) :]

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Record:
    """What one process recorded, as far as it can be trusted."""

    process: str
    deliveries: NDArray[Any]
    """Structured, of dtype :data:`DELIVERY`, in the order of the sequence."""
    delivery_seqs: NDArray[np.int64]
    """The sequence number of each delivery."""
    events: list[tuple[int, Event]]
    """Sequence number and event, in order."""
    complete: bool
    """The record ends with :class:`RecordEnded` and its counts are right."""
    damage: str
    """Where the readable part ends and why; empty for a file without damage."""


@dataclass(frozen=True)
class Block:
    """A whole and sound block of a record; ``payload`` is not decoded yet."""

    kind: int
    first_seq: int
    payload: bytes
    at_byte: int

    @property
    def holds_events(self) -> bool:
        """JSON lines of events; else deliveries."""
        return self.kind == _EVENTS

    @property
    def count(self) -> int:
        """How many records are in it."""
        if self.holds_events:
            return self.payload.count(b"\n")
        return len(self.payload) // DELIVERY.itemsize

    def deliveries(self) -> NDArray[Any]:
        """Of dtype :data:`DELIVERY`."""
        return np.frombuffer(self.payload, dtype=DELIVERY)


class DamageError(Exception):
    """Reading cannot go on from here; carries the sentence."""


@dataclass(frozen=True)
class Blocks:
    """A record as its blocks, in order, one at a time in memory: for whoever wants only some of
    a long record."""

    process: str
    content: bytes | mmap.mmap
    begin: int
    """Of the first block, in bytes."""

    def __iter__(self) -> Iterator[Block]:
        """Raises :class:`DamageError` at the first block that is not sound or not the next."""
        seq = 0
        for block in _blocks(self.content, self.begin):
            if block.first_seq != seq:
                raise DamageError(
                    f"byte {block.at_byte}: record {seq} should follow, found {block.first_seq}"
                )
            yield block
            seq += block.count


def open_record(path: FilePath) -> Blocks:
    """The record's blocks. Raises :class:`RecordError` as :func:`read_record` does."""
    try:
        with path.open("rb") as file:
            empty = path.stat().st_size == 0
            content = b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise RecordError(f"{path}: cannot read the record: {error.strerror}") from None
    return Blocks(*_read_header(path, content))


def read_record(path: FilePath) -> Record:
    """Read a record up to its end or its first damage, whichever comes first.

    Nothing after damage is used, because what was lost there is not known. Raises
    :class:`RecordError` where not even the header can be read, or the version is unknown.
    """
    blocks = open_record(path)
    payloads: list[bytes] = []
    seqs: list[NDArray[np.int64]] = []
    events: list[tuple[int, Event]] = []
    damage = ""
    seq = 0
    try:
        for block in blocks:
            if events and isinstance(events[-1][1], RecordEnded):
                raise DamageError(f"byte {block.at_byte}: records after the end of the record")
            if block.holds_events:
                events.extend(enumerate(_read_events(block), start=seq))
            else:
                payloads.append(block.payload)
                seqs.append(np.arange(seq, seq + block.count, dtype=np.int64))
            seq += block.count
    except DamageError as error:
        size = len(blocks.content)
        damage = f"{error}; {seq} records before it are used, {size} bytes in the file"
    deliveries = np.frombuffer(b"".join(payloads), dtype=DELIVERY)
    return Record(
        process=blocks.process,
        deliveries=deliveries,
        delivery_seqs=np.concatenate(seqs) if seqs else np.empty(0, dtype=np.int64),
        events=events,
        complete=not damage and _ends_well(len(deliveries), events),
        damage=damage,
    )


def _read_header(path: FilePath, content: bytes | mmap.mmap) -> tuple[str, bytes | mmap.mmap, int]:
    if content[: len(MAGIC)] != MAGIC:
        raise RecordError(f"{path}: not a record (it does not begin with {MAGIC.decode()})")
    name_at = len(MAGIC) + _header.size
    if len(content) < name_at:
        raise RecordError(f"{path}: cut inside its header")
    version, name_bytes = _header.unpack_from(content, len(MAGIC))
    if version != FORMAT_VERSION:
        raise RecordError(
            f"{path}: format version {version}; this Chatquake reads {FORMAT_VERSION}"
        )
    end = name_at + name_bytes
    if len(content) < end + _crc.size:
        raise RecordError(f"{path}: cut inside its header")
    if _crc.unpack_from(content, end)[0] != zlib.crc32(content[:end]):
        raise RecordError(f"{path}: the header's checksum is wrong")
    return content[name_at:end].decode(), content, end + _crc.size


def _blocks(content: bytes | mmap.mmap, at: int) -> Iterator[Block]:
    """Whole and sound blocks in order. Raises :class:`DamageError` at the first other."""
    while at < len(content):
        begin = at + _BLOCK_HEAD_BYTES
        if begin > len(content):
            raise DamageError(f"byte {at}: cut inside the head of a block")
        kind, length, first_seq = _prefix.unpack_from(content, at)
        end = begin + length
        if end > len(content):
            raise DamageError(f"byte {at}: a block of {length} bytes is cut")
        payload = content[begin:end]
        crc = zlib.crc32(payload, zlib.crc32(content[at : at + _prefix.size]))
        if _crc.unpack_from(content, at + _prefix.size)[0] != crc:
            raise DamageError(f"byte {at}: the checksum of a block of {length} bytes is wrong")
        if kind not in (_DELIVERIES, _EVENTS):
            raise DamageError(f"byte {at}: a block of unknown kind {kind}")
        if kind == _DELIVERIES and length % DELIVERY.itemsize:
            raise DamageError(f"byte {at}: deliveries do not fill their block")
        yield Block(kind, first_seq, payload, at)
        at = end


def _read_events(block: Block) -> list[Event]:
    try:
        return _decode_lines(block.payload)
    except msgspec.DecodeError as error:
        raise DamageError(f"byte {block.at_byte}: events do not decode: {error}") from None


def _ends_well(deliveries: int, events: list[tuple[int, Event]]) -> bool:
    if not events or not isinstance(events[-1][1], RecordEnded):
        return False
    end = events[-1][1]
    return end.deliveries == deliveries and end.events == len(events) - 1
