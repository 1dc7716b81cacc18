"""The relay's control port: rules in, states out.

``GET /listeners``, ``GET /connections``, ``PUT`` and ``DELETE /listeners/NAME/rules/RULE``,
``DELETE /rules``. Every change is answered with what now holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from chaos.relay.listener import Listener
from chaos.relay.rules import Rule
from harness.server.admin_guard import AdminGuard

Listeners = Mapping[str, Listener]


def control_app(listeners: Listeners) -> ASGIApp:
    """The application; no web page of the machine's browser reaches it."""
    app = Starlette(
        routes=[
            Route("/listeners", partial(_states, listeners)),
            Route("/connections", partial(_connections, listeners)),
            Route("/listeners/{listener}/rules/{rule}", partial(_put, listeners), methods=["PUT"]),
            Route(
                "/listeners/{listener}/rules/{rule}", partial(_drop, listeners), methods=["DELETE"]
            ),
            Route("/rules", partial(_clear, listeners), methods=["DELETE"]),
        ]
    )
    return AdminGuard(app, bound_to="127.0.0.1")


async def _states(listeners: Listeners, _: Request) -> Response:
    return _json([listener.state() for listener in listeners.values()])


async def _connections(listeners: Listeners, _: Request) -> Response:
    return _json([each for listener in listeners.values() for each in listener.connections()])


async def _put(listeners: Listeners, request: Request) -> Response:
    listener = _asked(listeners, request)
    try:
        rule = msgspec.json.decode(await request.body(), type=Rule)
        if rule.name != request.path_params["rule"]:
            raise ValueError(f"rule {rule.name!r} has another name in the URL")
        listener.put(rule)
    except ValueError as error:  # msgspec's are among them
        raise HTTPException(400, str(error)) from None
    return _json(listener.state())


async def _drop(listeners: Listeners, request: Request) -> Response:
    listener = _asked(listeners, request)
    listener.drop(request.path_params["rule"])
    return _json(listener.state())


async def _clear(listeners: Listeners, request: Request) -> Response:
    for listener in listeners.values():
        listener.clear()
    return await _states(listeners, request)


def _asked(listeners: Listeners, request: Request) -> Listener:
    name = request.path_params["listener"]
    if name not in listeners:
        raise HTTPException(404, f"no listener {name!r}; there are: {', '.join(listeners)}")
    return listeners[name]


def _json(content: object | Sequence[object]) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
