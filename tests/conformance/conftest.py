"""The genuine libraries, and the real server that they talk to."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from harness.tokens import mint_anon
from tests.conformance import install
from tests.conformance.clients import Client
from tests.conformance.puppet import Library, Puppet
from tests.harness.server.builders import SECRET
from tests.harness.server.running import Server, running, token


def _name(library: Library) -> str:
    return library.name


LIBRARIES = (
    Library("rjs-current", "js", "2.0.0"),
    Library("rjs-2.109", "js", "2.0.0"),
    Library("rjs-2.95", "js", "2.0.0"),
    Library("rjs-2.86", "js", "1.0.0"),
    Library("realtime-py", "py", "1.0.0"),
)
"""The aliases of ``node/package.json``, one for each profile of the field, and Python's."""

SPEAKING_V2 = pytest.mark.parametrize(
    "library", [one for one in LIBRARIES if one.vsn == "2.0.0"], indirect=True, ids=_name
)
JAVASCRIPT = pytest.mark.parametrize(
    "library", [one for one in LIBRARIES if one.language == "js"], indirect=True, ids=_name
)

QUICK = {
    "system_ok_delay_s": "0.05",
    "resubscribe_min_s": "0.05",
    "resubscribe_max_s": "0.1",
    "connect_error_backoff_s": "0.05",
    "join_error_backoff_s": "0.2",
    "poll_interval_s": "0.01",
}
"""The genuine server's order of events in less of its time."""

UNREADABLE = "Server requested disconnect"
"""The genuine server's farewell names no channel, and the Python client demands that it does."""

Puppets = Callable[[Library], Puppet]
Opened = Callable[..., Client]


def options(knobs: Mapping[str, str] = QUICK) -> list[str]:
    """Knobs as the server's command line takes them."""
    return [word for name, value in knobs.items() for word in ("--knob", f"{name}={value}")]


@pytest.fixture(scope="session")
def puppets() -> Iterator[Puppets]:
    """A running process of each library, started when it is first asked for."""
    started: dict[Library, Puppet] = {}

    def puppet_of(library: Library) -> Puppet:
        if library not in started or not started[library].running:
            started[library] = start(library)
        return started[library]

    yield puppet_of
    for puppet in started.values():
        puppet.stop()


def start(library: Library) -> Puppet:
    """A library's process; the test is skipped where the machine cannot run it."""
    if library.language == "js":
        install.node_modules()
        return Puppet(library, ["node", "puppet.mjs", library.name], str(install.NODE))
    python = install.python_executable()
    return Puppet(library, [str(python), "puppet.py"], str(install.PYTHON))


@pytest.fixture(params=LIBRARIES, ids=_name)
def library(request: pytest.FixtureRequest) -> Library:
    """Every library in turn."""
    library: Library = request.param
    return library


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for a module's tests; each has rooms of its own."""
    with running(tmp_path_factory.mktemp("server") / "chat.db", *options()) as one:
        yield one


_rooms = itertools.count(1001)


@pytest.fixture
def room() -> int:
    """A webinar that no other test uses."""
    return next(_rooms)


@contextmanager
def opening(puppets: Puppets) -> Iterator[Opened]:
    """Opens clients, which are closed at the end; fails where one met a frame it cannot read."""
    used: set[Puppet] = set()
    with ExitStack() as stack:

        def open_client(library: Library, server: Server, **asked: Any) -> Client:
            details: dict[str, Any] = {
                "url": f"http://127.0.0.1:{server.realtime_port}",
                "key": mint_anon(SECRET, issued_at_unix_s=int(time.time())),
                "token": token(),
                "heartbeat_ms": None,
                "reconnect_ms": None,
                **asked,
            }
            used.add(puppets(library))
            client = Client(puppets(library), **details)
            stack.callback(client.close)
            return client

        yield open_client
    for puppet in used:
        complaints = [one["text"] for one in puppet.events(what="complaint")]
        puppet.forget()
        unread = [text for text in complaints if "Unrecognized message format" in text]
        assert [text for text in unread if UNREADABLE not in text] == []


@pytest.fixture
def open_client(puppets: Puppets) -> Iterator[Opened]:
    """``open_client(library, server)``: a client that is gone after the test."""
    with opening(puppets) as opened:
        yield opened


@pytest.fixture
def client(open_client: Opened, library: Library, server: Server) -> Client:
    """A client of every library in turn, with a user's token."""
    return open_client(library, server)


@pytest.fixture
def everyone(open_client: Opened, server: Server) -> list[Client]:
    """A client of each library, all at once."""
    return [open_client(library, server) for library in LIBRARIES]


@contextmanager
def planted(server: Server, *defects: str) -> Iterator[None]:
    """Let the shared server, which has no defects, have some for a while."""
    switches = f"{server.admin_url}/switches"
    httpx.patch(switches, json={"defects": defects}).raise_for_status()
    try:
        yield
    finally:
        httpx.patch(switches, json={"defects": []})


@contextmanager
def turned(server: Server, **knobs: Any) -> Iterator[None]:
    """Let knobs of the shared server stand otherwise for a while."""
    switches = f"{server.admin_url}/switches"
    before = httpx.get(switches).json()["knobs"]
    httpx.patch(switches, json={"knobs": knobs}).raise_for_status()
    try:
        yield
    finally:
        httpx.patch(switches, json={"knobs": {name: before[name] for name in knobs}})
