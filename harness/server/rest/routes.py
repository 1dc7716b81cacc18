"""``/rest/v1``: reads and writes of ``messages`` as supabase-js asks for them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import uuid4

import msgspec
from starlette import types as asgi
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from harness.clock import Clock, monotonic_s
from harness.server.auth.gateway import key_refusal
from harness.server.auth.tokens import Tokens
from harness.server.bodies import BodyCutOff, BodyTooLarge
from harness.server.rest.errors import ErrorBody, RestError, no_database
from harness.server.rest.gateway import asker
from harness.server.rest.table import Table
from harness.server.storage.model import Storage, StorageUnavailable
from harness.server.switches import Switches

PREFIX = "/rest/v1"
_JSON = "application/json; charset=utf-8"
_TABLE = "messages"
_PROFILES = ("public", "graphql_public")
_log = logging.getLogger(__name__)


def rest_routes(
    storage: Storage,
    tokens: Tokens,
    switches: Switches,
    clock: Clock = monotonic_s,
    make_id: Callable[[], str] = lambda: str(uuid4()),
) -> list[Route]:
    """What the gateway serves under :data:`PREFIX`. ``make_id`` makes omitted message ids."""
    app = Rest(Table(storage, tokens, switches, clock, make_id), tokens, clock)
    return [Route(f"{PREFIX}{rest}", app) for rest in ("", "/{path:path}")]


@dataclass(frozen=True)
class Rest:
    """Gateway and PostgREST as one ASGI application; every error is JSON in PostgREST's shape."""

    table: Table
    tokens: Tokens
    clock: Clock

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """One HTTP request."""
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            now_s = self.clock()
            refusal = key_refusal(request, self.tokens, now_s)
            if refusal is not None:
                return refusal
            claims = asker(request, self.tokens, now_s)
            _check_resource(request)
            return await self.table.answer(request, claims)
        except RestError as error:
            return _refused(error.status, error.body)
        except (BodyTooLarge, BodyCutOff) as error:
            status = 413 if isinstance(error, BodyTooLarge) else 400
            return _refused(status, ErrorBody(code=str(status), message=str(error)))
        except StorageUnavailable as error:
            return _refused(503, no_database(str(error)))
        except Exception as error:  # whatever it is, the asker gets the agreed shape  # noqa: BLE001
            _log.exception("a request to %s failed", request.scope["path"])
            message = f"internal error ({type(error).__name__})"
            return _refused(500, ErrorBody(code="XX000", message=message))


def _check_resource(request: Request) -> None:
    """Raises :class:`RestError` for all but the one table in the one schema."""
    path: str = request.path_params.get("path", "").rstrip("/")
    if not path:
        raise RestError(404, "PGRST126", "Root endpoint metadata is disabled")
    if path.startswith("rpc/") and path.count("/") == 1:
        name = path.removeprefix("rpc/")
        message = f"Could not find the function public.{name} in the schema cache"
        raise RestError(404, "PGRST202", message)
    if "/" in path:
        raise RestError(404, "PGRST125", "Invalid path specified in request URL")
    reading = request.method in ("GET", "HEAD")
    profile = request.headers.get("accept-profile" if reading else "content-profile", "public")
    if profile not in _PROFILES:
        hint = f"Only the following schemas are exposed: {', '.join(_PROFILES)}"
        raise RestError(406, "PGRST106", f"Invalid schema: {profile}", hint=hint)
    if path != _TABLE or profile != "public":
        message = f"Could not find the table '{profile}.{path}' in the schema cache"
        raise RestError(404, "PGRST205", message)


def _refused(status: int, body: ErrorBody) -> Response:
    headers: Mapping[str, str] = {"Proxy-Status": f"PostgREST; error={body.code}"}
    if status == 401:
        headers = {**headers, "WWW-Authenticate": "Bearer"}
    return Response(msgspec.json.encode(body), status, headers, media_type=_JSON)
