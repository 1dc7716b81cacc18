"""The record's codec: what goes in comes out, and damage is told, never read."""

from __future__ import annotations

import struct
from pathlib import Path as FilePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import RecordError
from harness.recorder import (
    MAGIC,
    BlockBuffer,
    DamageError,
    Record,
    RecordFile,
    open_record,
    read_record,
)
from harness.records import Delivery, Event, FallbackOn, Fate, Path, PollStarted, RecordEnded
from harness.wire.changes import MessageRow

times = st.floats(0, 1e6)
deliveries = st.builds(
    Delivery,
    times,
    st.integers(0, 2**32 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from(Path),
    st.sampled_from(Fate),
)
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(FallbackOn, t_s=times, user=st.integers(0, 99), reason=st.just("silence")),
    st.builds(
        PollStarted,
        t_s=times,
        user=st.integers(0, 99),
        poll=st.integers(1, 9),
        cause=st.just("period"),
    ),
)
DRAIN = "drain"
histories = st.lists(st.one_of(deliveries, events, st.just(DRAIN)), max_size=30)


def give(buffer: BlockBuffer, item: Delivery) -> None:
    row = MessageRow(item.row_id, 7, "u", "c", "text", "2026-01-01T00:00:00+00:00")
    buffer.delivery(item.t_s, item.user, row, item.path, item.fate)


def encode(path: FilePath, history: list[Delivery | Event | str]) -> None:
    buffer = BlockBuffer("load-0")
    with RecordFile(path, "load-0") as file:
        for item in history:
            if isinstance(item, str):
                file.append(buffer.drain())
            elif isinstance(item, Delivery):
                give(buffer, item)
            else:
                buffer.event(item)
        file.append(buffer.finish(7.0))


def merged(record: Record) -> list[Delivery | Event]:
    """All records in the order of their sequence numbers."""
    numbered: list[tuple[int, Delivery | Event]] = [
        (
            int(seq),
            Delivery(
                float(d["t_s"]),
                int(d["user"]),
                int(d["row_id"]),
                Path(d["path"]),
                Fate(d["fate"]),
            ),
        )
        for seq, d in zip(record.delivery_seqs, record.deliveries, strict=True)
    ]
    numbered.extend(record.events)
    numbered.sort(key=lambda pair: pair[0])
    assert [seq for seq, _ in numbered] == list(range(len(numbered)))
    return [item for _, item in numbered]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> FilePath:
    return tmp_path_factory.mktemp("records")


def small_file(path: FilePath) -> bytes:
    encode(
        path,
        [
            Delivery(1.5, 3, 40, Path.POLL, Fate.SHOWN),
            FallbackOn(t_s=2.0, user=3, reason="silence"),
            DRAIN,
            Delivery(2.5, 4, 41, Path.REALTIME, Fate.SWAPPED),
            Delivery(2.6, 5, 41, Path.REALTIME, Fate.SUPPRESSED),
        ],
    )
    return path.read_bytes()


@given(history=histories)
def test_every_record_comes_back_in_its_order(
    folder: FilePath, history: list[Delivery | Event | str]
) -> None:
    path = folder / "round.cqr"
    path.unlink(missing_ok=True)
    encode(path, history)
    record = read_record(path)
    sent = [item for item in history if not isinstance(item, str)]
    count = sum(isinstance(item, Delivery) for item in sent)
    end = RecordEnded(t_s=7.0, process="load-0", deliveries=count, events=len(sent) - count)
    assert merged(record) == [*sent, end]
    assert (record.process, record.complete, record.damage) == ("load-0", True, "")


def test_drain_gives_each_record_once() -> None:
    buffer = BlockBuffer("load")
    give(buffer, Delivery(1.0, 1, 1, Path.POLL, Fate.SHOWN))
    assert buffer.drain()
    assert buffer.drain() == b""


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(struct.error):
        give(BlockBuffer("load"), Delivery(1.0, 2**32, 1, Path.POLL, Fate.SHOWN))


def test_a_file_cut_at_any_byte_gives_whole_blocks_or_an_error(tmp_path: FilePath) -> None:
    path = tmp_path / "load.cqr"
    content = small_file(path)
    whole = merged(read_record(path))
    kept: set[int] = set()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        try:
            record = read_record(path)
        except RecordError:
            continue
        found = merged(record)
        assert found == whole[: len(found)]
        assert not record.complete
        kept.add(len(found))
    assert kept == {0, 1, 2, 4}


def test_no_flipped_bit_is_read_in_silence(tmp_path: FilePath) -> None:
    path = tmp_path / "load.cqr"
    content = small_file(path)
    whole = merged(read_record(path))
    for at in range(len(content)):
        for bit in (0x01, 0x80):
            flipped = bytearray(content)
            flipped[at] ^= bit
            path.write_bytes(flipped)
            try:
                record = read_record(path)
            except RecordError:
                continue
            assert record.damage.startswith("byte ")
            assert not record.complete
            found = merged(record)
            assert found == whole[: len(found)]


def test_an_unknown_version_is_named(tmp_path: FilePath) -> None:
    path = tmp_path / "load.cqr"
    content = bytearray(small_file(path))
    content[len(MAGIC)] = 9
    path.write_bytes(content)
    with pytest.raises(RecordError, match="format version 9; this Chatquake reads 1"):
        read_record(path)


def test_a_file_of_another_kind_is_refused(tmp_path: FilePath) -> None:
    path = tmp_path / "load.cqr"
    path.write_bytes(b"PAR1")
    with pytest.raises(RecordError, match="not a record"):
        read_record(path)


def test_a_missing_file_is_named(tmp_path: FilePath) -> None:
    with pytest.raises(RecordError, match=r"absent\.cqr: cannot read"):
        read_record(tmp_path / "absent.cqr")


def test_a_record_is_never_written_over(tmp_path: FilePath) -> None:
    path = tmp_path / "load.cqr"
    RecordFile(path, "load").close()
    with pytest.raises(RecordError, match="cannot start a record"):
        RecordFile(path, "load")


@pytest.mark.parametrize(
    ("order", "damage"),
    [
        ([0, 2], "record 1 should follow, found 2"),
        ([0, 0, 1, 2], "record 1 should follow, found 0"),
        ([1, 0, 2], "record 0 should follow, found 1"),
    ],
)
def test_a_missing_doubled_or_misplaced_block_is_damage(
    tmp_path: FilePath, order: list[int], damage: str
) -> None:
    buffer = BlockBuffer("load")
    blocks = []
    for number in range(2):
        give(buffer, Delivery(float(number), 1, number, Path.POLL, Fate.SHOWN))
        blocks.append(buffer.drain())
    blocks.append(buffer.finish(3.0))
    path = tmp_path / "load.cqr"
    with RecordFile(path, "load") as file:
        for number in order:
            file.append(blocks[number])
    record = read_record(path)
    assert damage in record.damage
    assert not record.complete


def test_records_after_the_end_are_damage(tmp_path: FilePath) -> None:
    path = tmp_path / "load.cqr"
    buffer = BlockBuffer("load")
    with RecordFile(path, "load") as file:
        file.append(buffer.finish(1.0))
        file.append(buffer.finish(2.0))
    record = read_record(path)
    assert "records after the end" in record.damage
    assert len(record.events) == 1


def test_a_record_without_its_end_is_not_complete(tmp_path: FilePath) -> None:
    path = tmp_path / "load.cqr"
    buffer = BlockBuffer("load")
    give(buffer, Delivery(1.0, 1, 1, Path.POLL, Fate.SHOWN))
    with RecordFile(path, "load") as file:
        file.append(buffer.drain())
    record = read_record(path)
    assert (len(record.deliveries), record.complete, record.damage) == (1, False, "")


def test_an_end_with_other_counts_is_not_complete(tmp_path: FilePath) -> None:
    path = tmp_path / "load.cqr"
    buffer = BlockBuffer("load")
    buffer.event(RecordEnded(t_s=1.0, process="load", deliveries=4, events=0))
    with RecordFile(path, "load") as file:
        file.append(buffer.drain())
    assert not read_record(path).complete


def test_blocks_come_one_by_one_and_count_their_records_without_decoding(
    tmp_path: FilePath,
) -> None:
    path = tmp_path / "load-0.cqr"
    row = Delivery(1.0, 3, 57, Path.POLL, Fate.SHOWN)
    encode(path, [row, row, FallbackOn(t_s=2.0, user=3, reason="silence"), DRAIN, row])

    blocks = list(open_record(path))

    assert [(b.first_seq, b.count, b.holds_events) for b in blocks] == [
        (0, 2, False),
        (2, 1, True),
        (3, 1, False),
        (4, 1, True),
    ]
    assert blocks[0].deliveries()["row_id"].tolist() == [57, 57]


def test_a_block_out_of_place_ends_the_blocks_with_its_place(tmp_path: FilePath) -> None:
    path = tmp_path / "load-0.cqr"
    encode(path, [Delivery(1.0, 3, 57, Path.POLL, Fate.SHOWN), DRAIN])
    with path.open("ab") as file:
        buffer = BlockBuffer("load-0")
        buffer.event(FallbackOn(t_s=2.0, user=3, reason="silence"))
        file.write(buffer.drain())

    with pytest.raises(DamageError, match="record 2 should follow, found 0"):
        list(open_record(path))
