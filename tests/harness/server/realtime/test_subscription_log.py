from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.commitlog import Subscription
from harness.server.realtime.subscription_log import BLOCK_LINES, SubscriptionLog
from tests.harness.server.builders import subscription

SUBSCRIPTIONS = [subscription(number) for number in range(3 * BLOCK_LINES)]


@pytest.fixture
def log() -> Iterator[SubscriptionLog]:
    with closing(SubscriptionLog()) as one:
        yield one


def written(log: SubscriptionLog, count: int) -> None:
    for one in SUBSCRIPTIONS[:count]:
        log.append(one)


def read(log: SubscriptionLog, after: int = 0) -> list[Subscription]:
    found: list[Subscription] = []
    while lines := log.lines(after + len(found)):
        found += [msgspec.json.decode(line, type=Subscription) for line in lines]
    return found


@given(count=st.integers(0, len(SUBSCRIPTIONS)), after=st.integers(0, len(SUBSCRIPTIONS) + 2))
@example(count=2 * BLOCK_LINES, after=BLOCK_LINES)
def test_whatever_was_appended_is_read_from_any_line_on(count: int, after: int) -> None:
    with closing(SubscriptionLog()) as log:
        written(log, count)

        assert len(log) == count
        assert read(log, after) == SUBSCRIPTIONS[after:count]


def test_appending_goes_on_behind_what_was_read(log: SubscriptionLog) -> None:
    for one in SUBSCRIPTIONS[: 2 * BLOCK_LINES]:
        log.append(one)
        log.lines(0)

    assert read(log) == SUBSCRIPTIONS[: 2 * BLOCK_LINES]


def test_memory_holds_less_than_a_block(log: SubscriptionLog) -> None:
    written(log, 3 * BLOCK_LINES)

    assert log._recent == []


def test_the_file_has_no_name(
    log: SubscriptionLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    written(log, BLOCK_LINES)

    assert len(log._recent) == 0
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_lost_while_the_file_cannot_be_had(
    log: SubscriptionLog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    written(log, 2 * BLOCK_LINES - 1)

    assert read(log) == SUBSCRIPTIONS[: 2 * BLOCK_LINES - 1]
    assert "stays in memory" in caplog.text

    monkeypatch.undo()
    log.append(SUBSCRIPTIONS[2 * BLOCK_LINES - 1])

    assert log._recent == []
    assert read(log) == SUBSCRIPTIONS[: 2 * BLOCK_LINES]
