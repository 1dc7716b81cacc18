"""What a project's gateway serves over plain HTTP on the Realtime port, put together."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp

from harness.clock import Clock, monotonic_s
from harness.server.auth.routes import auth_routes
from harness.server.auth.service import Auth
from harness.server.auth.tokens import Tokens
from harness.server.edge import Edge
from harness.server.realtime.broadcast_routes import broadcast_routes
from harness.server.realtime.shell import Realtime, realtime_app
from harness.server.rest.routes import rest_routes
from harness.server.storage.model import Storage
from harness.server.switches import Switches


def project_app(
    realtime: Realtime,
    auth: Auth,
    storage: Storage,
    tokens: Tokens,
    switches: Switches,
    *,
    clock: Clock = monotonic_s,
    stopping: asyncio.Event | None = None,
) -> ASGIApp:
    """Broadcasts, Auth and the messages table behind one edge.

    ``stopping`` ends answers that a defect holds back.
    """
    routes = [
        *broadcast_routes(realtime),
        *auth_routes(auth, tokens, clock, stopping),
        *rest_routes(storage, tokens, switches, clock),
    ]
    return Edge(realtime_app(routes), switches)
