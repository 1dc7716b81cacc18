"""The record of who was subscribed when: nothing is lost, and little of it is in memory."""

from __future__ import annotations

import logging
import tempfile
from array import array
from typing import IO

import msgspec

from harness.commitlog import Subscription

BLOCK_LINES = 512
_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class SubscriptionLog:
    """Every change of a subscription since the process began, as JSON lines. Lives on one thread.

    In memory are the last 512 lines at most (some 100 KB) and 8 bytes for each 512 before them;
    the others, some 200 bytes each, are in a temporary file without a name, which the operating
    system removes with the process however that ends. Where the file cannot be written the lines
    stay in memory and the log says so, until it can: then, and only then, memory grows.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._ends = array("Q")
        """Where each block in the file ends."""
        self._recent: list[bytes] = []
        """What is in no block yet."""

    def __len__(self) -> int:
        return len(self._ends) * BLOCK_LINES + len(self._recent)

    def append(self, subscription: Subscription) -> None:
        """Write down one more."""
        self._recent.append(_encode(subscription) + b"\n")
        if len(self._recent) % BLOCK_LINES == 0:
            self._spill()

    def lines(self, after: int) -> list[bytes]:
        """Those behind the first ``after``, a block of them at most; none where there are none."""
        number, skip = divmod(after, BLOCK_LINES)
        if number < len(self._ends):
            return self._block(number)[skip:]
        begin = after - len(self._ends) * BLOCK_LINES
        return self._recent[begin : begin + BLOCK_LINES]

    def close(self) -> None:
        """Give the file up, and all that it has."""
        if self._file is not None:
            self._file.close()

    def _spill(self) -> None:
        try:
            if self._file is None:
                # Unbuffered, so that what was not written is not kept for later either.
                self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - see close()
            while self._recent:
                block = b"".join(self._recent[:BLOCK_LINES])
                self._file.seek(self._begin(len(self._ends)))
                if self._file.write(block) < len(block):
                    raise OSError("the disk is full")
                self._ends.append(self._file.tell())
                del self._recent[:BLOCK_LINES]
        except OSError as error:
            _log.warning("the log of subscriptions stays in memory: %s", error)

    def _begin(self, number: int) -> int:
        return self._ends[number - 1] if number else 0

    def _block(self, number: int) -> list[bytes]:
        assert self._file is not None  # there is a block
        begin = self._begin(number)
        self._file.seek(begin)
        return self._file.read(self._ends[number] - begin).splitlines(keepends=True)
