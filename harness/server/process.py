"""One process, one event loop, three ports: putting the server together and taking it down."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from harness import lifeline
from harness.clock import monotonic_s
from harness.server.admin import admin_app
from harness.server.admin_guard import AdminGuard
from harness.server.auth.bulk import account_routes
from harness.server.auth.jws import Algorithm
from harness.server.auth.opening import auth_database, ec_key, open_auth
from harness.server.auth.store import AuthStore
from harness.server.auth.tokens import Tokens
from harness.server.chat.routes import api_app
from harness.server.defects import Defect, Defects
from harness.server.knobs import Knobs
from harness.server.listeners import BACKLOG, Listeners, Ports, listening
from harness.server.page.app import with_page
from harness.server.project import project_app
from harness.server.realtime.changes.poller import Poller
from harness.server.realtime.shell import Realtime
from harness.server.stats import LoopLag
from harness.server.storage.database import Database, check_database, open_storage
from harness.server.storage.model import Change, Storage
from harness.server.switches import Switches
from harness.server.walltime import WallTime

_GRACE_S = 3
"""How long open requests and sockets get to end once the server stops."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What one server process is started with."""

    host: str
    """Where the API and Realtime listen."""
    admin_host: str = "127.0.0.1"
    """Where the admin port listens, which gives sessions of any role to whoever reaches it."""
    ports: Ports
    database: Database
    jwt_secret: str = field(repr=False)
    jwt_private_key: str | None = field(default=None, repr=False)
    """PEM; ``None``: the one that was made up first, from the auth database."""
    jwt_algorithm: Algorithm = "HS256"
    """What the access tokens of new sessions are signed with."""
    auth_database: Path | None = None
    """Accounts and sessions; ``None``: a file beside the database, memory where that is none."""
    defects: Defects
    knobs: Knobs
    lifeline: bool
    """Stop when standard input ends: the parent is gone."""
    page: bool = False
    """Serve the chat page, which gives an account to whoever asks."""


async def serve(settings: Settings, on_ready: Callable[[Ports], None]) -> None:
    """Serve until SIGTERM, SIGINT or the end of the lifeline; then close and flush.

    Raises :class:`RigError` where a port cannot be had, :class:`UsageError` where the database
    cannot.
    """
    check_database(settings.database)
    stopping = _stop_event(settings.lifeline)
    wall_time = WallTime(time.time() - monotonic_s())
    switches = Switches(settings.knobs, settings.defects)
    auth_store = AuthStore(auth_database(settings.auth_database, settings.database))
    key = ec_key(auth_store, settings.jwt_private_key)
    tokens = Tokens(settings.jwt_secret, wall_time, key, switches)
    realtime = Realtime(tokens, switches, monotonic_s)
    poller = Poller(realtime.publish, switches, monotonic_s)
    lag = LoopLag(monotonic_s)
    with (
        contextlib.closing(auth_store),
        contextlib.closing(realtime.subscriptions),
        listening(settings.host, settings.admin_host, settings.ports) as listeners,
        contextlib.closing(_open_storage(settings, poller)) as storage,
    ):
        origin = origin_of(settings.host, listeners.ports.realtime_port)
        auth = open_auth(auth_store, tokens, settings.jwt_algorithm, origin)

        def now_unix_s() -> float:
            return wall_time.unix_s(monotonic_s())

        servers = [
            _server(
                _paged(
                    api_app(storage, tokens, switches, stopping, on_repeat=poller.repeated),
                    settings,
                    listeners.ports,
                    now_unix_s,
                ),
                settings.knobs,
            ),
            _server(
                project_app(realtime, auth, storage, tokens, switches, stopping=stopping),
                settings.knobs,
                realtime.socket,
            ),
            _server(
                AdminGuard(
                    admin_app(storage, realtime, switches, lag, account_routes(auth, now_unix_s)),
                    bound_to=listeners.admin.getsockname()[0],
                ),
                settings.knobs,
            ),
        ]
        switches.watch(partial(_keep_alive, servers, switches))
        async with asyncio.TaskGroup() as tasks:
            helpers = [tasks.create_task(poller.run()), tasks.create_task(lag.run())]
            serving = _start(servers, listeners, tasks)
            await _started(servers)
            on_ready(listeners.ports)
            await stopping.wait()
            # Before the servers' grace runs out: what is held is answered with its row.
            storage.hurry()
            realtime.farewell()
            for server in servers:
                server.should_exit = True
            await asyncio.wait(serving)
            for helper in helpers:
                helper.cancel()


def origin_of(host: str, port: int) -> str:
    """Of the server's URLs; an IPv6 address stands in brackets there."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _paged(
    api: ASGIApp, settings: Settings, ports: Ports, now_unix_s: Callable[[], float]
) -> ASGIApp:
    if not settings.page:
        return api
    return with_page(
        api, secret=settings.jwt_secret, realtime_port=ports.realtime_port, unix_s=now_unix_s
    )


class _Server(uvicorn.Server):
    """One of three servers in a process: signals are the process's matter, not a server's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(
    app: ASGIApp, knobs: Knobs, websocket: Callable[..., asyncio.Protocol] | None = None
) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            http="httptools",
            # Uvicorn only calls it, so a bound method does as well as a class.
            ws=cast(type[asyncio.Protocol], websocket) if websocket else "none",
            lifespan="off",
            access_log=False,
            log_config=None,
            backlog=BACKLOG,
            server_header=False,
            timeout_keep_alive=knobs.keep_alive_s,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )


def _keep_alive(servers: Sequence[_Server], switches: Switches) -> None:
    """Hand the knob on to uvicorn, which copies it into each connection as that begins.

    A timer that already runs between two requests is left; it is the old time late at most.
    """
    for server in servers:
        server.config.timeout_keep_alive = switches.knobs.keep_alive_s
        for connection in server.server_state.connections:
            if isinstance(connection, HttpToolsProtocol):
                connection.timeout_keep_alive = switches.knobs.keep_alive_s


def _start(
    servers: Sequence[_Server], listeners: Listeners, tasks: asyncio.TaskGroup
) -> list[asyncio.Task[None]]:
    sockets: tuple[socket.socket, ...] = (listeners.api, listeners.realtime, listeners.admin)
    return [
        tasks.create_task(server.serve(sockets=[one]))
        for server, one in zip(servers, sockets, strict=True)
    ]


async def _started(servers: Sequence[_Server]) -> None:
    while not all(server.started for server in servers):
        await asyncio.sleep(0.005)


def _open_storage(settings: Settings, poller: Poller) -> Storage:
    loop = asyncio.get_running_loop()

    def on_commit(changes: tuple[Change, ...]) -> None:
        loop.call_soon_threadsafe(poller.committed, changes)

    once = Defect.NO_UNIQUE_KEY not in settings.defects
    return open_storage(settings.database, on_commit, once=once)


def _stop_event(with_lifeline: bool) -> asyncio.Event:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)

    if with_lifeline:
        lifeline.on_stdin_eof(lambda: set_from_thread(stopping, loop))
    return stopping


def set_from_thread(event: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    """Set ``event`` of ``loop`` from a thread that may live longer than the loop."""
    # That is all that this error of a closed loop says: nobody is left to be told.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(event.set)
