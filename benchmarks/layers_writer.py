"""``python -m benchmarks.layers_writer PORT``: writes messages at a rate, when it is told to.

A process of its own, so that writing costs those who read nothing. Says ``ready``; then each line
``create|edit ROOM MESSAGES`` on its input is answered with ``done`` when they are written.
"""

from __future__ import annotations

import sys
import time

import msgspec

from benchmarks.layers import MESSAGES_PER_S, WRITER
from benchmarks.server import BODY
from benchmarks.server_clients import Caller
from harness.wire.api import CreateAnswer


def main() -> None:
    writer = Caller(int(sys.argv[1]), WRITER)
    rows: dict[int, int] = {}
    print("ready", flush=True)
    for line in sys.stdin:
        what, room, messages = line.split()
        if what == "edit" and int(room) not in rows:
            rows[int(room)] = _create(writer, int(room))
        begin_s = time.monotonic()
        for number in range(int(messages)):
            time.sleep(max(0.0, begin_s + number / MESSAGES_PER_S - time.monotonic()))
            if what == "edit":
                writer.ask_edit(rows[int(room)], f"{BODY[:-4]}{number:04}")
                _wait(writer)
            else:
                _create(writer, int(room))
        print("done", flush=True)


def _create(writer: Caller, room: int) -> int:
    writer.ask_create(room, BODY)
    _wait(writer)
    row = msgspec.json.decode(writer.answer, type=CreateAnswer).message
    assert row is not None
    return row.id


def _wait(writer: Caller) -> None:
    while not writer.read():
        pass


if __name__ == "__main__":
    main()
