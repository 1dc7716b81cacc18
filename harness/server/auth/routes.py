"""Auth's HTTP routes, as a project's gateway serves them below ``/auth/v1``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from harness.clock import Clock, monotonic_s
from harness.server.auth.accounts import hash_password, password_matches
from harness.server.auth.answers import session_answer, user_answer
from harness.server.auth.bearers import Bearer, Bearers
from harness.server.auth.errors import API_VERSION_HEADER, AuthError, error_answer, refuse
from harness.server.auth.gateway import key_refusal
from harness.server.auth.limits import RequestLimit
from harness.server.auth.requests import (
    Body,
    Credentials,
    Refresh,
    SignUp,
    check_credentials,
    check_refresh,
    check_sign_up,
    read_json,
    read_raw,
)
from harness.server.auth.service import Auth, Granted, LogoutScope
from harness.server.auth.tokens import Tokens
from harness.server.defects import Defect
from harness.server.hanging import never_answer

PREFIX = "/auth/v1"
JWKS_PATH = ".well-known/jwks.json"
_UNSERVED = frozenset(
    {
        *("admin", "authorize", "callback", "factors", "invite", "magiclink", "oauth", "otp"),
        *("reauthenticate", "recover", "resend", "settings", "sso", "verify"),
    }
)
"""First parts of paths that a real project serves and this server does not."""
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SCOPES: dict[str, LogoutScope] = {
    "": "global",
    "global": "global",
    "local": "local",
    "others": "others",
}
_encode = msgspec.json.Encoder().encode
_log = logging.getLogger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


def auth_routes(
    auth: Auth, tokens: Tokens, clock: Clock = monotonic_s, stopping: asyncio.Event | None = None
) -> list[Route]:
    """All of Auth. ``tokens`` says whose API keys open the gateway; ``stopping`` ends answers that
    a defect holds back."""
    routes = _Routes(auth, tokens, clock, stopping or asyncio.Event())
    return [Route(f"{PREFIX}/{{path:path}}", routes.serve, methods=_METHODS)]


@dataclass(frozen=True)
class _Routes:
    auth: Auth
    tokens: Tokens
    clock: Clock
    stopping: asyncio.Event
    limit: RequestLimit = field(default_factory=RequestLimit)

    async def serve(self, request: Request) -> Response:
        """One request, from the gateway to the answer."""
        path = request.path_params["path"]
        # Whoever checks tokens must get at the public keys without one.
        refusal = None if path == JWKS_PATH else key_refusal(request, self.tokens, self.clock())
        if refusal is not None:
            return refusal
        try:
            if self.auth.switches.has(Defect.HANG_AUTH):
                await never_answer(request, self.stopping)
            return await self._handler(request.method, path)(request)
        except AuthError as error:
            return _refused(request, error)
        except HTTPException as error:
            return _refused(
                request, AuthError(error.status_code, "unexpected_failure", error.detail)
            )
        except Exception:  # whatever it is, the asker gets the agreed shape  # noqa: BLE001
            _log.exception("a request to %s failed", request.scope["path"])
            message = "Unexpected failure, please check server logs for more information"
            return _refused(request, AuthError(500, "unexpected_failure", message))

    def _handler(self, method: str, path: str) -> Handler:
        if path.partition("/")[0] in _UNSERVED or (method, path) == ("PUT", "user"):
            return _not_served
        if (method, path) in SERVED:
            return partial(SERVED[method, path], self)
        return _not_allowed if any(path == served for _, served in SERVED) else _not_found

    async def _token(self, request: Request) -> Response:
        grant = request.query_params.get("grant_type", "")
        if grant not in ("password", "refresh_token"):
            refuse(400, "invalid_credentials", "unsupported_grant_type")
        address = request.client.host if request.client is not None else ""
        per_5min = self.auth.switches.knobs.auth_rate_limit_per_5min
        if not self.limit.allows(address, per_5min, self.clock()):
            refuse(429, "over_request_rate_limit", "Request rate limit reached")
        if grant == "refresh_token":
            token = check_refresh(await self._body(request, Refresh))
            return _session(self.auth.refresh(token, self._now_unix_s()))
        email, password = check_credentials(await self._body(request, Credentials))
        account = self.auth.store.account_by_email(email)
        password_hash = None if account is None else account.password_hash
        if (
            account is None
            or password_hash is None
            or not await asyncio.to_thread(password_matches, password, password_hash)
        ):
            refuse(400, "invalid_credentials", "Invalid login credentials")
        return _session(self.auth.sign_in(account.id, self._now_unix_s()))

    async def _sign_up(self, request: Request) -> Response:
        asked = await self._body(request, SignUp)
        email, password = check_sign_up(asked)
        password_hash = await asyncio.to_thread(hash_password, password)
        granted = self.auth.sign_up(email, password_hash, asked.data or {}, self._now_unix_s())
        return _session(granted)

    async def _user(self, request: Request) -> Response:
        bearer = self._bearer(request)
        audience = request.headers.get("x-jwt-aud") or bearer.audience
        if not bearer.audience or audience != bearer.audience:
            refuse(400, "validation_failed", "Token audience doesn't match request audience")
        return _json(user_answer(bearer.account))

    async def _log_out(self, request: Request) -> Response:
        await read_raw(request, self._max_bytes())
        bearer = self._bearer(request)
        asked = request.query_params.get("scope", "")
        if asked not in _SCOPES:
            quoted = msgspec.json.encode(asked).decode()
            refuse(400, "validation_failed", f"Unsupported logout scope {quoted}")
        self.auth.log_out(bearer.account, bearer.session, _SCOPES[asked])
        return Response(status_code=204)

    async def _jwks(self, _: Request) -> Response:
        keys = [] if self.tokens.ec_key is None else [self.tokens.ec_key.jwk()]
        return _json({"keys": keys}, headers={"Cache-Control": "public, max-age=600"})

    async def _health(self, _: Request) -> Response:
        return _json(
            {
                "version": "chatquake",
                "name": "GoTrue",
                "description": "GoTrue is a user registration and authentication API",
            }
        )

    async def _body(self, request: Request, kind: type[Body]) -> Body:
        return await read_json(request, kind, self._max_bytes())

    def _max_bytes(self) -> int:
        return self.auth.switches.knobs.max_request_bytes

    def _bearer(self, request: Request) -> Bearer:
        bearers = Bearers(self.auth.store, self.tokens.secret, self.tokens.ec_key)
        return bearers.bearer(request.headers, self._now_unix_s())

    def _now_unix_s(self) -> float:
        return self.tokens.wall_time.unix_s(self.clock())


SERVED: Mapping[tuple[str, str], Callable[[_Routes, Request], Awaitable[Response]]] = {
    ("POST", "token"): _Routes._token,
    ("POST", "signup"): _Routes._sign_up,
    ("GET", "user"): _Routes._user,
    ("POST", "logout"): _Routes._log_out,
    ("GET", "health"): _Routes._health,
    ("GET", JWKS_PATH): _Routes._jwks,
}
"""What is answered, by method and the path below the prefix."""


async def _not_served(request: Request) -> Response:
    # Genuine clients read JSON only; a plain "not found" would reach a person as a parser's error,
    # and from a 501 auth-js concludes that trying again may help.
    raise AuthError(
        404,
        "not_implemented",
        f"{request.method} {request.scope['path']} is not served by Chatquake's reference server",
    )


async def _not_found(_: Request) -> Response:
    return Response("404 page not found\n", 404, media_type="text/plain")


async def _not_allowed(_: Request) -> Response:
    return Response(status_code=405)


def _refused(request: Request, error: AuthError) -> Response:
    body, headers = error_answer(error, request.headers.get(API_VERSION_HEADER, ""))
    return _json(body, error.status, headers)


def _session(granted: Granted) -> Response:
    return _json(session_answer(granted.account, granted.access, granted.refresh_token))


def _json(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(_encode(body), status, headers, media_type="application/json")
