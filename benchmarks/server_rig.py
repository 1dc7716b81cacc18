"""A reference server in a process of its own, and what its admin port says it has used."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import msgspec

from harness.server.listeners import Ports
from harness.server.stats import Stats
from harness.tokens import mint, mint_anon, user_uuid

SECRET = "the secret of a server that lives as long as a benchmark"
_STOP_S = 10.0
_EACH_ROW_AT_ONCE = ("--knob", "poll_interval_s=0")
"""The default cadence sends some rows together, which is cheaper."""


class BenchServer:
    """A running server whose costs can be read."""

    def __init__(self, process: subprocess.Popen[bytes], admin: httpx.Client, ports: Ports) -> None:
        self.pid = process.pid
        self.ports = ports
        self._admin = admin

    def stats(self) -> Stats:
        """What the process has used up to now."""
        return msgspec.json.decode(self._admin.get("/stats").content, type=Stats)


@contextmanager
def running(folder: Path, *options: str) -> Iterator[BenchServer]:
    """A server with a new database in ``folder`` that is gone at the end."""
    command = [sys.executable, "-m", "harness.server", "--database", str(folder / "chat.db")]
    process = subprocess.Popen(
        [*command, "--lifeline", *_EACH_ROW_AT_ONCE, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "CHATQUAKE_JWT_SECRET": SECRET},
    )
    try:
        assert process.stdout is not None
        ports = msgspec.json.decode(process.stdout.readline(), type=Ports)
        url = f"http://127.0.0.1:{ports.admin_port}"
        with closing(httpx.Client(base_url=url, trust_env=False, timeout=60)) as admin:
            yield BenchServer(process, admin, ports)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()


def token(user: int) -> str:
    """A token of one user that is a member of every webinar."""
    return mint(
        SECRET, user_uuid(0, user), webinars={"*": "attendee"}, issued_at_unix_s=int(time.time())
    )


def api_key() -> str:
    """The project's public key."""
    return mint_anon(SECRET, issued_at_unix_s=int(time.time()))
