"""The reference server alone, in the foreground, at addresses that stay the same."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import msgspec

from harness.errors import RigError, UsageError
from harness.server.defects import DESCRIPTIONS, Defect, parse_defects
from harness.server.knob_docs import knob_docs
from harness.server.knob_values import parse_knobs
from harness.server.listeners import Ports
from harness.server.page.accounts import account_id
from harness.server.storage.database import check_database, parse_database
from harness.tokens import mint, mint_anon
from scenarios.serve_secret import SECRET_VARIABLE, JwtSecret, find_secret

STOP_WITHIN_S = 5.0
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""SIGHUP: the terminal is closed."""
DATABASE_VARIABLE = "CHATQUAKE_DATABASE"
_TOKEN_LIFETIME_S = 86_400


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """How to serve. Ports: 0 takes a free one."""

    database: str
    """A file, or what else the server takes."""
    keeps: bool = True
    """Whether the database outlives this server."""
    host: str = "127.0.0.1"
    admin_host: str = "127.0.0.1"
    """Of the admin port alone, which rules the server."""
    api_port: int = 3000
    realtime_port: int = 4000
    admin_port: int = 4100
    defects: tuple[str, ...] = ()
    knobs: tuple[str, ...] = ()
    """``NAME=VALUE``."""


def command(settings: ServeSettings) -> list[str]:
    """The server's command line; what is secret goes by its environment, see :func:`serve`."""
    defects = [part for name in settings.defects for part in ("--defect", name)]
    knobs = [part for assignment in settings.knobs for part in ("--knob", assignment)]
    return [
        *(sys.executable, "-m", "harness.server", "--lifeline", "--page"),
        *("--host", settings.host),
        *("--admin-host", settings.admin_host),
        *("--api-port", str(settings.api_port)),
        *("--realtime-port", str(settings.realtime_port)),
        *("--admin-port", str(settings.admin_port)),
        *defects,
        *knobs,
    ]


def addresses(settings: ServeSettings, ports: Ports, *, secret: JwtSecret, now_unix_s: int) -> str:
    """What a person needs to use the server, as lines; the page's address first."""
    api = f"http://{settings.host}:{ports.api_port}"
    key = mint_anon(secret.value, issued_at_unix_s=int(secret.made_unix_s))
    token = mint(
        secret.value,
        account_id("alice"),
        webinars={"*": "attendee"},
        issued_at_unix_s=now_unix_s,
        lifetime_s=_TOKEN_LIFETIME_S,
    )
    return "\n".join(
        (
            f"Chat page  {api}/",
            f"  alice    {api}/?user=alice&room=42",
            f"  bob      {api}/?user=bob&room=42",
            f"API        {api}/api/messages",
            f"Supabase   http://{settings.host}:{ports.realtime_port} (Auth, REST and Realtime)",
            f"Realtime   ws://{settings.host}:{ports.realtime_port}/realtime/v1/websocket",
            f"Admin      http://{_in_url(settings.admin_host)}:{ports.admin_port}/switches",
            f"Database   {_database(settings)}",
            f"JWT secret {secret.origin}",
            f"API key    {key}",
            f"Access token of alice, good for a day\n           {token}",
            *(_planted(settings) or ["Defects    none"]),
            *(
                [f"Knob       {knob}" for knob in settings.knobs]
                or ["Knobs      as hosted Supabase"]
            ),
            "Ctrl-C stops it.",
        )
    )


def defect_lines() -> list[str]:
    """Every defect that can be planted, one a line."""
    width = max(map(len, Defect))
    return [f"{name:<{width}}  {DESCRIPTIONS[name]}" for name in Defect]


def knob_lines() -> list[str]:
    """Every knob with its default, its meaning and what it may be, one a line."""
    assignments = [(f"{knob.name}={_as_typed(knob.default)}", knob) for knob in knob_docs()]
    width = max(len(text) for text, _ in assignments)
    return [f"{text:<{width}}  {knob.meaning} [{knob.allowed}]" for text, knob in assignments]


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _as_typed(value: Any) -> str:
    return msgspec.json.encode(value).decode().strip('"')


def _database(settings: ServeSettings) -> str:
    url = urlsplit(settings.database)
    if url.netloc:  # without the user's password, wherever it stands
        return url._replace(netloc=url.netloc.rpartition("@")[2], query="").geturl()
    return settings.database if settings.keeps else f"{settings.database} (removed at the end)"


def _planted(settings: ServeSettings) -> list[str]:
    defects = sorted(parse_defects(settings.defects))
    return [f"Defect     {defect}: {DESCRIPTIONS[defect]}" for defect in defects]


def serve(settings: ServeSettings, environ: Mapping[str, str], say: Callable[[str], None]) -> int:
    """Run the server until Ctrl-C, SIGTERM or the end of the terminal (then 0) or until it ends by
    itself (its code).

    The JWT secret and the database, in whose URL a password may be, reach the server by its
    environment: a command line is for everybody to read.

    The server has a session of its own, so that Ctrl-C reaches it through us only; its lifeline
    ends it should we be killed. Raises :class:`UsageError` for a port given twice, for unknown
    defects and knobs and for a file that is no database, and :class:`RigError` when it is ready
    with something else than addresses.
    """
    _check_ports(settings)
    parse_defects(settings.defects)
    parse_knobs(settings.knobs)
    check_database(parse_database(settings.database))
    secret = find_secret(settings.database, environ, keeps=settings.keeps, now_unix_s=time.time())
    server = subprocess.Popen(
        command(settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**environ, SECRET_VARIABLE: secret.value, DATABASE_VARIABLE: settings.database},
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
        say(addresses(settings, ports, secret=secret, now_unix_s=int(time.time())))
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
