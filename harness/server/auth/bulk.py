"""``POST /accounts`` of the admin port: accounts with sessions for any number of emulated users.

A real project limits sign-ins by address, so a load generator could never get thousands of
sessions there. Here it sends JSON lines of :class:`Enrolment`, and gets as many lines of
:class:`Enrolled` (or :class:`Failed`) back, in the same order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from harness.errors import UsageError
from harness.server.access import Role
from harness.server.auth.accounts import email_problem, hash_password
from harness.server.auth.errors import AuthError
from harness.server.auth.requests import check_password
from harness.server.auth.service import Auth
from harness.server.bodies import read_body
from harness.wire.api import uuid_text

MAX_BODY_BYTES = 32 * 1024 * 1024
"""Of thousands of accounts at once; the knob ``max_request_bytes`` is for what clients send."""
_BATCH = 50
"""Accounts in one transaction; between two the event loop gets its turn."""
_JSON_LINES = "application/x-ndjson"
_encode_lines = msgspec.json.Encoder().encode_lines


class Enrolment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account that is to be there, with these memberships, and signed in."""

    email: str
    webinars: dict[str, Role] = {}
    """The part in each webinar, by number; ``*`` stands for all of them."""
    password: str | None = None
    """``None``: none, or the one it has. Each costs 7 ms of a core."""
    id: str | None = None
    """A UUID for a new account; ``None`` picks one."""


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """A session of an account."""

    email: str
    user_id: str
    access_token: str
    refresh_token: str
    expires_at: int
    """Unix seconds; of the access token."""


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """An account that could not be had as asked."""

    email: str
    error: str


def account_routes(auth: Auth, now_unix_s: Callable[[], float]) -> list[Route]:
    """What Auth has on the admin port, which answers for bodies too large or cut off."""

    async def enrol(request: Request) -> Response:
        body = await read_body(request, MAX_BODY_BYTES)
        try:
            enrolments = parse_enrolments(body)
        except UsageError as error:
            return JSONResponse({"error": str(error)}, 400)
        lines = _enrol(auth, enrolments, now_unix_s)
        # Whoever does not wait for the end of the answer may count on the first batch at least.
        first = await anext(lines, b"")
        return StreamingResponse(_beginning(first, lines), media_type=_JSON_LINES)

    return [Route("/accounts", enrol, methods=["POST"])]


def parse_enrolments(body: bytes) -> list[Enrolment]:
    """Read and check all lines. Raises :class:`UsageError` naming the first bad one."""
    decode = msgspec.json.Decoder(Enrolment).decode
    enrolments = []
    for number, line in enumerate(body.splitlines(), start=1):
        try:
            enrolment = decode(line)
            _check(enrolment)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
            raise UsageError(f"accounts: line {number}: {error}") from None
        except AuthError as error:
            raise UsageError(f"accounts: line {number}: password: {error.message}") from None
        enrolments.append(msgspec.structs.replace(enrolment, email=enrolment.email.lower()))
    return enrolments


def _check(enrolment: Enrolment) -> None:
    problem = email_problem(enrolment.email)
    if problem is not None:
        raise ValueError(f"email: {problem}")
    if enrolment.id is not None and enrolment.id != uuid_text(enrolment.id):
        raise ValueError("id: must be a UUID in lower case with hyphens")
    if enrolment.password is not None:
        check_password(enrolment.password)


async def _enrol(
    auth: Auth, enrolments: Sequence[Enrolment], now_unix_s: Callable[[], float]
) -> AsyncIterator[bytes]:
    for start in range(0, len(enrolments), _BATCH):
        batch = enrolments[start : start + _BATCH]
        hashes = [
            None if one.password is None else await asyncio.to_thread(hash_password, one.password)
            for one in batch
        ]
        with auth.store.transaction():
            lines = [
                _one(auth, one, password_hash, now_unix_s())
                for one, password_hash in zip(batch, hashes, strict=True)
            ]
        yield _encode_lines(lines)
        await asyncio.sleep(0)


async def _beginning(first: bytes, others: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for one in others:
        yield one


def _one(
    auth: Auth, enrolment: Enrolment, password_hash: str | None, now_unix_s: float
) -> Enrolled | Failed:
    try:
        granted = auth.enrol(
            enrolment.email,
            enrolment.webinars,
            now_unix_s,
            account_id=enrolment.id,
            password_hash=password_hash,
        )
    except AuthError as error:
        return Failed(email=enrolment.email, error=error.message)
    return Enrolled(
        email=granted.account.email,
        user_id=granted.account.id,
        access_token=granted.access.token,
        refresh_token=granted.refresh_token,
        expires_at=granted.access.expires_at_unix_s,
    )
