"""``python -m chaos.relay``: the relay as a process.

Prints one JSON line with its ports once it is ready (:class:`chaos.relay.reports.Started`), and
nothing else, on standard output. Exit codes: 0 after SIGTERM, SIGINT or the end of its lifeline,
2 for bad usage. All its ports are on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import resource
import signal
import socket
import sys
from collections.abc import Iterator, Sequence

import msgspec
import uvicorn
import uvloop

from chaos.relay.control import control_app
from chaos.relay.listener import Listener, Route
from chaos.relay.reports import Started
from harness import lifeline
from harness.clock import monotonic_s


def main(arguments: Sequence[str]) -> int:
    """Relay until told to stop; returns the exit code."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    options = _parser().parse_args(arguments)
    _allow_all_files()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_relay(options.route, with_lifeline=options.lifeline))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m chaos.relay",
        description="Passes connections on, and does to them what its control port is told.",
    )
    parser.add_argument(
        "--route",
        action="append",
        default=[],
        type=_route,
        metavar="NAME=HOST:PORT",
        help="a listener and the server behind it; may be repeated",
    )
    parser.add_argument("--lifeline", action="store_true", help="stop when standard input ends")
    return parser


def _route(text: str) -> Route:
    name, _, server = text.partition("=")
    host, _, port = server.rpartition(":")
    if not (name and host and port.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r}: must be NAME=HOST:PORT")
    return Route(name=name, host=host.strip("[]"), port=int(port))


def _allow_all_files() -> None:
    """A relayed connection takes two descriptors; take as many as the system lets us."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # macOS caps "unlimited" lower; then it stays
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class _Control(uvicorn.Server):
    """Signals are the process's matter, not the control port's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _relay(routes: Sequence[Route], *, with_lifeline: bool) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    if with_lifeline:
        lifeline.on_stdin_eof(lambda: _set(stopping, loop))
    listeners = {route.name: Listener(route, monotonic_s) for route in routes}
    ports = {name: await listener.start() for name, listener in listeners.items()}
    with socket.create_server(("127.0.0.1", 0)) as controlling:
        control = _Control(
            uvicorn.Config(
                control_app(listeners),
                http="httptools",
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                timeout_graceful_shutdown=1,
            )
        )
        serving = asyncio.create_task(control.serve(sockets=[controlling]))
        started = Started(control_port=controlling.getsockname()[1], ports=ports)
        print(msgspec.json.encode(started).decode(), flush=True)
        await stopping.wait()
        control.should_exit = True
        await serving


def _set(event: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    # That is all that this error of a closed loop says: nobody is left to be told.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(event.set)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
