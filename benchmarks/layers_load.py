"""``python -m benchmarks.layers_load REALTIME_PORT API_PORT``: the crowds of ``benchmarks.layers``.

Joins them all, plays the rounds with a writer in a process of its own, and prints a
:class:`benchmarks.layers.Rounds`. Importing Locust patches the process, as in a run.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path as FilePath
from typing import Any

import gevent
import msgspec
from gevent.monkey import get_original
from locust.env import Environment

from benchmarks.layers import (
    LAYERS,
    MESSAGES,
    QUIET_S,
    ROUNDS,
    USERS,
    Round,
    Rounds,
)
from benchmarks.server_clients import join_all, join_text
from benchmarks.server_rig import api_key, token
from harness.client.browser import CHROME
from harness.client.library import CURRENT
from harness.client.policy import POLICIES, Policy
from harness.client.realtime import read_frame
from harness.client.session import Identity, Session
from harness.clock import monotonic_s
from harness.drivers.http_pool import HttpPool
from harness.drivers.sockets import Endpoint
from harness.drivers.tcp_stream import READ_BYTES
from harness.drivers.timer_wheel import TimerWheel
from harness.drivers.user_driver import UserDriver
from harness.drivers.websocket_link import Owner, WebSocketLink
from harness.recorder import BlockBuffer, RecordFile
from harness.records import Event, Fate, Path, Sink
from harness.tokens import user_uuid
from harness.wire.changes import MessageRow
from scenarios.generator import FLUSH_S
from scenarios.locust_sink import LocustSink

LIBRARY = msgspec.structs.replace(CURRENT, heartbeat_s=QUIET_S)
POLICY = msgspec.structs.replace(POLICIES["hardened"], fallback_after_silence_s=QUIET_S)
IGNORING = msgspec.structs.replace(POLICY, apply_changes=False)
JOINS_AT_ONCE = 50
SETTLE_S = 0.5
"""After the last message of a round; on loopback a delivery takes a hundredth of that."""


class Reader:
    """Kernel: a watcher and ``recv``, on a socket that has joined."""

    def __init__(self, loop: Any, connection: Any) -> None:
        # Not gevent's own class, which would wait: as in TcpStream.
        self._socket = get_original("socket", "socket")(fileno=connection.detach())
        self._socket.setblocking(False)
        self._watcher = loop.io(self._socket.fileno(), 1)
        self._watcher.start(self._readable)
        self.bytes = 0

    def _readable(self) -> None:
        self.bytes += len(self._socket.recv(READ_BYTES))


class Listener:
    """Frame: a WebSocket whose text is counted, and no more."""

    def __init__(self, number: int, room: int) -> None:
        self._join = join_text(number, room)
        self.link: WebSocketLink | None = None
        self.frames = 0

    def link_opened(self, number: int) -> None:
        assert self.link is not None
        self.link.send_text(self._join)

    def link_closed(self, number: int, code: int, reason: str) -> None:
        raise ConnectionError(f"closed with {code} {reason}")

    def link_frame(self, number: int, data: bytes) -> None:
        self.frames += 1


class Decoder(Listener):
    """Decode: the same, and its text is read."""

    def link_frame(self, number: int, data: bytes) -> None:
        self.frames += 1
        read_frame(data, "2.0.0")


class Counting:
    """List: a sink that keeps nothing."""

    def __init__(self) -> None:
        self.deliveries = 0

    def delivery(self, t_s: float, user: int, row: MessageRow, path: Path, fate: Fate) -> None:
        self.deliveries += 1

    def event(self, event: Event) -> None:
        pass


class Crowd:
    """One room with users of one layer, and what is done for them twice a second."""

    def __init__(self, came: Callable[[], int], flush: Callable[[], None] | None = None) -> None:
        self.came = came
        """How many deliveries, or bytes, there were so far; 0 where nobody counts."""
        self.flush = flush


class Rig:
    """Everything in this process."""

    def __init__(self, realtime_port: int, api_port: int, folder: FilePath) -> None:
        self._realtime_port = realtime_port
        self._api_port = api_port
        self._folder = folder
        self._loop = gevent.get_hub().loop
        self._environment = Environment()
        self._kept: list[object] = []
        self._wheel = TimerWheel(gevent.get_hub().loop, monotonic_s)

    def crowds(self) -> list[Crowd]:
        """In the order of ``LAYERS``; the first is in room 1."""
        counting = Counting()
        buffer, shown = BlockBuffer("record"), BlockBuffer("statistics")
        sink = LocustSink(shown, self._environment.events.request)
        file = RecordFile(self._folder / "record.cqr", "record")
        shown_file = RecordFile(self._folder / "statistics.cqr", "statistics")

        def show() -> None:
            sink.show(self._environment.stats)
            shown_file.append(shown.drain())

        self._users(4, IGNORING, Counting())
        self._users(5, POLICY, counting)
        self._users(6, POLICY, buffer)
        self._users(7, POLICY, sink)
        return [
            self._readers(1),
            self._listeners(2, Listener),
            self._listeners(3, Decoder),
            Crowd(lambda: 0),
            Crowd(lambda: counting.deliveries),
            Crowd(lambda: 0, lambda: file.append(buffer.drain())),
            Crowd(lambda: sink.counters.deliveries, show),
        ]

    def _readers(self, room: int) -> Crowd:
        members = join_all(self._realtime_port, [room] * USERS)
        readers = [Reader(self._loop, member.connection) for member in members]
        return Crowd(lambda: sum(reader.bytes for reader in readers))

    def _listeners(self, room: int, kind: type[Listener]) -> Crowd:
        listeners: list[Listener] = []
        for number in range(USERS):
            listener = kind(number, room)
            listener.link = self._link(number, listener)
            listeners.append(listener)
            if number % JOINS_AT_ONCE == 0:
                gevent.sleep(0.05)
        _until(lambda: all(one.frames == 2 for one in listeners))  # the reply and `system ok`
        return Crowd(lambda: sum(one.frames for one in listeners))

    def _link(self, number: int, owner: Owner) -> WebSocketLink:
        address = ("127.0.0.1", self._realtime_port)
        path = f"/realtime/v1/websocket?apikey={api_key()}&vsn=2.0.0"
        return WebSocketLink(
            self._loop,
            address,
            "127.0.0.1",
            path=path,
            number=number,
            owner=owner,
            browser=CHROME,
        )

    def _users(self, room: int, policy: Policy, sink: Sink) -> None:
        drivers = []
        for number in range(room * USERS, (room + 1) * USERS):
            drivers.append(driver := self._user(number, room, policy, sink))
            driver.start()
            if number % JOINS_AT_ONCE == 0:
                gevent.sleep(0.05)
        _until(lambda: all(driver.session.is_live for driver in drivers))
        self._kept += drivers

    def _user(self, number: int, room: int, policy: Policy, sink: Sink) -> UserDriver:
        key = token(number)
        identity = Identity(
            user=number,
            user_id=user_uuid(0, number),
            webinar=room,
            cohort="all",
            seed=0,
            api_key=api_key(),
            token=key,
            library=LIBRARY,
        )
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        return UserDriver(
            number,
            Session(identity, policy, sink),
            (),
            realtime=Endpoint(address=("127.0.0.1", self._realtime_port), host="127.0.0.1"),
            http=HttpPool(("127.0.0.1", self._api_port), "127.0.0.1", headers, CHROME),
            browser=CHROME,
            wheel=self._wheel,
            load_begins_s=monotonic_s(),
            load_ends_s=monotonic_s() + QUIET_S,
            clock=monotonic_s,
            on_crash=_crashed,
        )


class Writer:
    """The process that writes."""

    def __init__(self, api_port: int) -> None:
        command = [sys.executable, "-m", "benchmarks.layers_writer", str(api_port)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._hears("ready")

    def writes(self, what: str, room: int, messages: int) -> None:
        """Returns when they are written; other greenlets run meanwhile."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what} {room} {messages}\n")
        self._process.stdin.flush()
        self._hears("done")

    def _hears(self, word: str) -> None:
        assert self._process.stdout is not None
        if self._process.stdout.readline() != f"{word}\n":
            raise RuntimeError("the writer has failed")

    def ends(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def main() -> None:
    realtime_port, api_port = (int(text) for text in sys.argv[1:])
    gevent.config.track_greenlet_tree = False  # as in a run
    with tempfile.TemporaryDirectory(prefix="chatquake-bench-") as folder:
        crowds = Rig(realtime_port, api_port, FilePath(folder)).crowds()
        writer = Writer(api_port)
        _play(crowds, writer, messages=5)  # warm caches, and the row that is edited
        bytes_before = crowds[0].came()
        rounds = [_play(crowds, writer, messages=MESSAGES) for _ in range(ROUNDS)]
        frames = ROUNDS * MESSAGES * USERS
        writer.ends()
    result = Rounds(
        users=USERS,
        deliveries_per_room=frames,
        frame_bytes=(crowds[0].came() - bytes_before) / frames,
        rounds=tuple(rounds),
    )
    print(msgspec.json.encode(result).decode())
    sys.stdout.flush()
    os._exit(0)  # 3,500 users are not taken leave of one by one


def _play(crowds: Sequence[Crowd], writer: Writer, *, messages: int) -> Round:
    """One round: each room in its turn."""
    turns = enumerate(zip(LAYERS, crowds, strict=True), start=1)
    return Round(
        cpu_us_per_delivery=tuple(
            _turn(layer.name, room, crowd, writer, messages) for room, (layer, crowd) in turns
        )
    )


def _turn(layer: str, room: int, crowd: Crowd, writer: Writer, messages: int) -> float:
    """CPU microseconds a delivery in this room."""
    gc.collect()
    before = crowd.came()
    chore = gevent.spawn(_every, FLUSH_S, crowd.flush) if crowd.flush else None
    begin_s = time.process_time()
    writer.writes("edit" if layer == "session" else "create", room, messages)
    gevent.sleep(SETTLE_S)
    if crowd.flush is not None:
        crowd.flush()
    took_s = time.process_time() - begin_s
    if chore is not None:
        chore.kill()
    came = crowd.came() - before
    if came and came < messages * USERS:
        raise RuntimeError(f"{layer}: {came} of {messages * USERS} deliveries came")
    return 1e6 * took_s / messages / USERS


def _every(period_s: float, chore: Callable[[], None]) -> None:
    while True:
        gevent.sleep(period_s)
        chore()


def _until(condition: Callable[[], bool]) -> None:
    end_s = monotonic_s() + 60.0
    while not condition():
        if monotonic_s() > end_s:
            raise RuntimeError("not all joined within a minute")
        gevent.sleep(0.1)


def _crashed(user: int, error: BaseException) -> None:
    raise RuntimeError(f"user {user} crashed") from error


if __name__ == "__main__":
    main()
