"""``python -m harness.server``: the reference server as a process.

Prints one JSON line with its ports once it serves, and nothing else, on standard output. Exit
codes: 0 after SIGTERM, SIGINT or the end of its lifeline; 2 for bad usage; 3 where it cannot
serve.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import msgspec
import uvloop

from harness.errors import RigError, UsageError
from harness.server.auth.jws import Algorithm
from harness.server.defect_notes import defect_notes
from harness.server.defects import DESCRIPTIONS, parse_defects
from harness.server.knob_values import parse_knobs
from harness.server.listeners import Ports
from harness.server.process import Settings, serve
from harness.server.storage.database import parse_database

DATABASE_VARIABLE = "CHATQUAKE_DATABASE"
SECRET_VARIABLE = "CHATQUAKE_JWT_SECRET"
PRIVATE_KEY_VARIABLE = "CHATQUAKE_JWT_PRIVATE_KEY"


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the server until it is told to stop; returns the exit code."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        settings = read_settings(arguments, environment)
        for note in defect_notes(settings.defects):
            print(f"note: {note}", file=sys.stderr)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, _print_ports))
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    except RigError as error:
        print(error, file=sys.stderr)
        return 3
    return 0


def read_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """Read command line and environment. Raises :class:`UsageError`."""
    options = _parser().parse_args(arguments)
    secret = environment.get(SECRET_VARIABLE, "")
    if not secret:
        raise UsageError(f"{SECRET_VARIABLE}: is not set; it must hold the HS256 secret")
    database = options.database or environment.get(DATABASE_VARIABLE, "")
    if not database:
        raise UsageError(
            f"--database: is missing; give a file or a postgresql:// URL, here or in"
            f" {DATABASE_VARIABLE}"
        )
    return Settings(
        host=options.host,
        admin_host=options.admin_host,
        ports=Ports(
            api_port=options.api_port,
            realtime_port=options.realtime_port,
            admin_port=options.admin_port,
        ),
        database=parse_database(database),
        jwt_secret=secret,
        jwt_private_key=environment.get(PRIVATE_KEY_VARIABLE) or None,
        jwt_algorithm=options.jwt_algorithm,
        auth_database=options.auth_database,
        defects=parse_defects(options.defect),
        knobs=parse_knobs(options.knob),
        lifeline=options.lifeline,
        page=options.page,
    )


def _parser() -> argparse.ArgumentParser:
    defects = "; ".join(f"{name}: {text}" for name, text in DESCRIPTIONS.items())
    parser = argparse.ArgumentParser(
        prog="python -m harness.server",
        description="The reference server: the chat's API and Supabase's Realtime.",
        epilog=f"The HS256 secret of all tokens is read from {SECRET_VARIABLE}; the P-256 private"
        f" key for ES256 (PEM) from {PRIVATE_KEY_VARIABLE}, or else it is made up and kept; the"
        f" database from {DATABASE_VARIABLE} where --database is not given.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="where API and Realtime listen")
    parser.add_argument(
        "--admin-host",
        default="127.0.0.1",
        help="where the admin port listens; whoever reaches it rules the server"
        " (docs/admin-port.md)",
    )
    for name in ("api", "realtime", "admin"):
        parser.add_argument(f"--{name}-port", type=int, default=0, help="0 picks a free one")
    parser.add_argument(
        "--database", help="an SQLite file, or a postgresql:// URL (docs/storage.md)"
    )
    parser.add_argument(
        "--auth-database",
        type=Path,
        help="accounts and sessions; an SQLite file, by default beside the database"
        " (memory only where that is PostgreSQL)",
    )
    parser.add_argument(
        "--jwt-algorithm",
        choices=get_args(Algorithm),
        default="HS256",
        help="what the access tokens of new sessions are signed with",
    )
    parser.add_argument("--defect", action="append", default=[], metavar="NAME", help=defects)
    parser.add_argument("--knob", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--lifeline", action="store_true", help="stop when standard input ends")
    parser.add_argument("--page", action="store_true", help="serve the chat page, to anybody")
    return parser


def _print_ports(ports: Ports) -> None:
    print(msgspec.json.encode(ports).decode(), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
