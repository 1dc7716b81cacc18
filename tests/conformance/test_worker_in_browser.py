"""`worker: true` in a real Chromium: what a page policy that forbids the worker does to it.

The oracle plays the same with a worker of its own (``tests/harness/client/oracle``); this shows
that a browser does what that one does.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path

import pytest

from harness.tokens import mint_anon
from tests.harness.server.builders import SECRET
from tests.harness.server.running import Server, running
from tests.support.chromium import Page, chromium_page, find_chromium
from tests.support.required import skip_or_fail

pytestmark = pytest.mark.e2e

LIBRARY = resources.files("harness.server.page") / "static" / "vendor" / "realtime-js.js"
"""The genuine one, as the chat page has it."""
FORBIDS = "default-src 'none'; script-src 'self'; connect-src ws://127.0.0.1:*"
"""No word of workers: ``script-src`` speaks for them, and a blob is not ``'self'``."""
ALLOWS = f"{FORBIDS}; worker-src blob:"
WITHIN_S = 20.0

SCRIPT = """
import { RealtimeClient } from "./realtime-js.js";
const told = (window.told = { statuses: [], beats: [], sockets: 0, thrown: null, errors: [] });
const Genuine = window.Worker;
window.Worker = class extends Genuine {
  constructor(url) {
    const beganMs = performance.now();
    try { super(url); } catch (error) { told.thrown = error.name; throw error; }
    this.addEventListener("error", () => told.errors.push(performance.now() - beganMs));
  }
};
const client = new RealtimeClient(URL_OF_REALTIME, {
  params: { apikey: KEY },
  transport: class extends WebSocket { constructor(url) { super(url); told.sockets += 1; } },
  worker: true,
  heartbeatIntervalMs: 100,
  heartbeatCallback: (status) => told.beats.push(status),
});
client.channel("webinar-1").subscribe((status) => told.statuses.push(status));
"""


def script(realtime_port: int) -> bytes:
    key = mint_anon(SECRET, issued_at_unix_s=int(time.time()))
    where = f"ws://127.0.0.1:{realtime_port}/realtime/v1"
    filled = SCRIPT.replace("URL_OF_REALTIME", json.dumps(where)).replace("KEY", json.dumps(key))
    return filled.encode()


@contextmanager
def site(realtime_port: int, policy: str) -> Iterator[str]:
    """The address of a page with the genuine library, under a policy."""
    files = {
        "/": ("text/html", b"<!doctype html><script type=module src=/page.js></script>"),
        "/page.js": ("text/javascript", script(realtime_port)),
        "/realtime-js.js": ("text/javascript", LIBRARY.read_bytes()),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, content = files.get(self.path, ("text/plain", b""))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server") / "chat.db") as server:
        yield server


@contextmanager
def opened(server: Server, policy: str, profile: Path) -> Iterator[Page]:
    program = find_chromium()
    if program is None:
        skip_or_fail("no Chromium on PATH")
    with site(server.realtime_port, policy) as address, chromium_page(program, profile) as page:
        page.open(address)
        yield page


def until(page: Page, condition: str) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while not page.evaluate(condition):
        told = page.evaluate("window.told")
        assert time.monotonic() < deadline_s, f"never: {condition}; {told}; {page.errors}"
        time.sleep(0.02)


def test_a_forbidden_worker_is_an_event_after_which_the_library_hangs_up_for_good(
    server: Server, tmp_path: Path
) -> None:
    with opened(server, FORBIDS, tmp_path) as page:
        until(page, "told.statuses.includes('CHANNEL_ERROR')")
        time.sleep(2.5)  # the library's first tries come 1 s and 2 s after a loss
        told = page.evaluate("told")

    assert told["thrown"] is None
    assert len(told["errors"]) == 1
    assert told["beats"] == []
    assert told["statuses"][-1] == "CHANNEL_ERROR"
    assert told["sockets"] == 1


def test_a_worker_that_the_policy_allows_counts_the_heartbeats(
    server: Server, tmp_path: Path
) -> None:
    with opened(server, ALLOWS, tmp_path) as page:
        until(page, "told.beats.filter((beat) => beat === 'ok').length >= 2")
        told = page.evaluate("told")

    assert told["errors"] == []
    assert told["statuses"] == ["SUBSCRIBED"]
