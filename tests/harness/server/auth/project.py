"""A project's Auth without sockets or a real clock, and tokens of every bad kind."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
from pathlib import Path
from typing import Any

import httpx
import jwt
from starlette.applications import Starlette

from harness.server.auth.bulk import account_routes
from harness.server.auth.jws import Algorithm, EcKey, new_ec_key, sign
from harness.server.auth.opening import open_auth
from harness.server.auth.routes import auth_routes
from harness.server.auth.service import Auth, Chance, Granted
from harness.server.auth.store import IN_MEMORY, AuthStore
from harness.server.auth.tokens import Tokens
from harness.server.edge import Edge
from harness.server.knobs import Knobs
from harness.server.switches import Switches
from harness.server.walltime import WallTime
from tests.harness.server.builders import SECRET, UNIX_START_S, anon_token

EC_KEY = new_ec_key()
ORIGIN = "http://project.test"
NOW_S = 100.0
"""Host-monotonic; what the clock of a :class:`Project` shows at first."""
NOW_UNIX_S = UNIX_START_S + NOW_S
EMAIL, PASSWORD = "ann@example.com", "secret-1"
CURRENT = {"X-Supabase-Api-Version": "2024-01-01"}


class Project:
    """Auth over a store in memory (or a file), with a clock that only tests move."""

    def __init__(
        self,
        path: Path = IN_MEMORY,
        *,
        algorithm: Algorithm = "HS256",
        chance: Chance | None = None,
        **knobs: Any,
    ) -> None:
        self.now_s = NOW_S
        self.switches = Switches(Knobs(**knobs))
        self.tokens = Tokens(SECRET, WallTime(UNIX_START_S), EC_KEY, self.switches)
        self.store = AuthStore(path)
        opened = open_auth(self.store, self.tokens, algorithm, ORIGIN)
        self.auth = Auth(opened.store, opened.issuer, opened.switches, chance or counting_chance())
        routes = [
            *auth_routes(self.auth, self.tokens, lambda: self.now_s),
            *account_routes(self.auth, lambda: self.now_unix_s),
        ]
        self.app = Edge(Starlette(routes=routes), self.switches)

    @property
    def now_unix_s(self) -> float:
        return UNIX_START_S + self.now_s

    def enrol(self, email: str = EMAIL, password_hash: str | None = None) -> Granted:
        """A new session of an account without a password."""
        with self.store.transaction():
            return self.auth.enrol(
                email, {"*": "attendee"}, self.now_unix_s, password_hash=password_hash
            )

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        bearer: str | None = None,
        key: str | None = "",
        headers: dict[str, str] | None = None,
        content: Any = None,
    ) -> httpx.Response:
        """One request with the public API key (``key=None``: none) and maybe a user's token."""
        sent = dict(CURRENT) if headers is None else dict(headers)
        if key is not None:
            sent["apikey"] = key or anon_token()
        if bearer is not None:
            sent["Authorization"] = f"Bearer {bearer}"
        if body is not None:
            content = json.dumps(body).encode()

        async def work() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
                return await client.request(method, path, content=content, headers=sent)

        return asyncio.run(work())

    def refresh(self, refresh_token: str, **more: Any) -> httpx.Response:
        path = "/auth/v1/token?grant_type=refresh_token"
        return self.ask("POST", path, {"refresh_token": refresh_token}, **more)

    def sign_in(self, email: str = EMAIL, password: str = PASSWORD, **more: Any) -> httpx.Response:
        path = "/auth/v1/token?grant_type=password"
        return self.ask("POST", path, {"email": email, "password": password}, **more)

    def sign_up(self, email: str = EMAIL, password: str = PASSWORD, **more: Any) -> httpx.Response:
        path = "/auth/v1/signup"
        return self.ask("POST", path, {"email": email, "password": password}, **more)


def counting_chance() -> Chance:
    """Ids and refresh tokens that count up, so that a failing test shows the same ones again."""
    numbers = itertools.count(1)
    return Chance(
        new_id=lambda: f"00000000-0000-4000-8000-{next(numbers):012d}",
        new_refresh_token=lambda: f"{next(numbers):012d}",
    )


def code_of(response: httpx.Response) -> tuple[int, str]:
    """Status and Auth's code of a failure, which must be whole and readable from any origin."""
    assert response.headers["content-type"] == "application/json"
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["x-supabase-api-version"] == "2024-01-01"
    body = response.json()
    assert set(body) == {"code", "message"}
    assert response.headers["x-sb-error-code"] == body["code"]
    return response.status_code, body["code"]


def claims_in(token: str) -> dict[str, Any]:
    """What a token says, unchecked."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """The first two parts of a token."""
    return ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))


def forged(header: dict[str, Any], claims: dict[str, Any], hmac_key: bytes) -> str:
    """A token that is signed with HMAC whatever its header says."""
    start = unsigned(header, claims)
    return f"{start}.{_base64url(hmac.digest(hmac_key, start.encode(), hashlib.sha256))}"


def bad_tokens(claims: dict[str, Any], now_unix_s: float) -> dict[str, str]:
    """Every way in which a token for ``claims`` (which are good) can be bad, by name."""
    good = sign(claims, SECRET)
    head, payload, signature = good.split(".")
    public_pem = EC_KEY.pem().encode()
    es256 = {"alg": "ES256", "typ": "JWT", "kid": EC_KEY.kid}
    foreign = EcKey(new_ec_key().private)
    foreign_es256 = sign(claims, foreign)
    other = _base64url(json.dumps({**claims, "role": "service_role"}).encode())
    return {
        "no token": "",
        "nonsense": "nonsense",
        "two parts": f"{head}.{payload}",
        "four parts": f"{good}.{signature}",
        "no base64": f"{head}.!!!.{signature}",
        "header is no object": f"{_base64url(b'[]')}.{payload}.{signature}",
        "claims are no object": f"{head}.{_base64url(b'[]')}.{signature}",
        "nested without end": f"{head}.{_base64url(b'[' * 100_000)}.{signature}",
        "alg none": f"{unsigned({'alg': 'none', 'typ': 'JWT'}, claims)}.",
        "alg None": f"{unsigned({'alg': 'None'}, claims)}.",
        "no alg": f"{unsigned({'typ': 'JWT'}, claims)}.{signature}",
        "no signature": f"{head}.{payload}.",
        "foreign secret": sign(claims, "another secret, as long as ours is, too"),
        "tampered claims": f"{head}.{other}.{signature}",
        "tampered signature": f"{head}.{payload}.{signature[::-1]}",
        "HS256 with the public key": forged({"alg": "HS256"}, claims, public_pem),
        "HS256 with the public key and its id": forged(
            {"alg": "HS256", "kid": EC_KEY.kid}, claims, json.dumps(EC_KEY.jwk()).encode()
        ),
        "ES256 with HMAC": forged(es256, claims, SECRET.encode()),
        "ES256 without an id": forged({"alg": "ES256"}, claims, SECRET.encode()),
        "ES256 of a foreign key": foreign_es256,
        "ES256 of a foreign key with our id": ".".join(
            [unsigned(es256, claims), foreign_es256.split(".")[2]]
        ),
        "expired": sign({**claims, "exp": int(now_unix_s) - 1}, SECRET),
        "expired ES256": sign({**claims, "exp": int(now_unix_s) - 1}, EC_KEY),
    }


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
