"""The reference server alone, in the foreground, at addresses that stay the same."""

from __future__ import annotations

import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType

import msgspec

from harness.errors import RigError, UsageError
from harness.tokens import mint, mint_anon, user_uuid

STOP_WITHIN_S = 5.0
_STOPPING = (signal.SIGINT, signal.SIGTERM)
SECRET_VARIABLE = "CHATQUAKE_JWT_SECRET"


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """How to serve. Ports: 0 takes a free one."""

    database: str
    host: str = "127.0.0.1"
    api_port: int = 3000
    realtime_port: int = 4000
    admin_port: int = 4100
    defects: tuple[str, ...] = ()


class Ports(msgspec.Struct, frozen=True):
    """The line that the server prints when it is ready."""

    api_port: int
    realtime_port: int
    admin_port: int


def command(settings: ServeSettings) -> list[str]:
    """The server's command line."""
    defects = [part for name in settings.defects for part in ("--defect", name)]
    return [
        *(sys.executable, "-m", "harness.server", "--lifeline"),
        *("--host", settings.host),
        *("--api-port", str(settings.api_port)),
        *("--realtime-port", str(settings.realtime_port)),
        *("--admin-port", str(settings.admin_port)),
        *("--database", settings.database),
        *defects,
    ]


def addresses(host: str, ports: Ports, *, secret: str, now_unix_s: int) -> str:
    """What a person needs to use the server, as lines."""
    key = mint_anon(secret, issued_at_unix_s=now_unix_s)
    token = mint(
        secret,
        user_uuid(0, 0),
        webinars={"*": "attendee"},
        issued_at_unix_s=now_unix_s,
        lifetime_s=86_400,
    )
    return "\n".join(
        (
            f"API       http://{host}:{ports.api_port}/api/messages",
            f"Realtime  ws://{host}:{ports.realtime_port}/realtime/v1/websocket",
            f"Admin     http://{host}:{ports.admin_port}/stats",
            f"API key   {key}",
            f"A user's access token, good for a day\n          {token}",
            "Ctrl-C stops it.",
        )
    )


def serve(settings: ServeSettings, environ: Mapping[str, str], say: Callable[[str], None]) -> int:
    """Run the server until Ctrl-C or SIGTERM (then 0) or until it ends by itself (its code).

    The JWT secret is the environment's, or a new one. The server has a session of its own, so
    that Ctrl-C reaches it through us only; its lifeline ends it should we be killed. Raises
    :class:`UsageError` for a port given twice, and :class:`RigError` when it is ready with
    something else than its addresses.
    """
    _check_ports(settings)
    secret = environ.get(SECRET_VARIABLE) or secrets.token_hex(32)
    server = subprocess.Popen(
        command(settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**environ, SECRET_VARIABLE: secret},
        start_new_session=True,
    )
    # SIGINT too: a shell starts its background jobs with it ignored, and then nothing is raised.
    before = {number: signal.signal(number, _interrupt) for number in _STOPPING}
    try:
        assert server.stdout is not None
        ready = server.stdout.readline()
        if not ready:
            return _code(server.wait())  # it has said why on stderr
        ports = _ports(ready)
        say(addresses(settings.host, ports, secret=secret, now_unix_s=int(time.time())))
        return _code(server.wait())
    except KeyboardInterrupt:
        say("stopping …")
        return 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _stop(server)


def _check_ports(settings: ServeSettings) -> None:
    asked = {
        "--api-port": settings.api_port,
        "--realtime-port": settings.realtime_port,
        "--admin-port": settings.admin_port,
    }
    for port in asked.values():
        same = [option for option, other in asked.items() if other == port]
        if port and len(same) > 1:
            raise UsageError(f"{' and '.join(same)} are both {port}; give each its own, or 0")


def _code(returned: int) -> int:
    """The server's exit code; 3, the rig's, where a signal ended it."""
    return returned if returned >= 0 else 3


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _ports(line: bytes) -> Ports:
    try:
        return msgspec.json.decode(line, type=Ports)
    except msgspec.DecodeError as error:
        raise RigError(f"the reference server is ready, but says {line[:200]!r}: {error}") from None


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
    for pipe in (server.stdin, server.stdout):
        if pipe is not None:
            pipe.close()
