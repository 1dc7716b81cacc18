"""What clients of Auth send, read and checked. Every refusal is an :class:`~.errors.AuthError`."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from harness.server.auth.accounts import MAX_PASSWORD_BYTES, MIN_PASSWORD_BYTES, email_problem
from harness.server.auth.errors import AuthError, refuse
from harness.server.bodies import BodyCutOff, BodyTooLarge, read_body
from harness.wire.unreadable import MAX_DEPTH

MAX_DATA_DEPTH = MAX_DEPTH
"""Of what users say about themselves: it goes into every token, and must be written each time."""
_REFRESH_TOKEN = re.compile(r"[a-z0-9]{12}", re.ASCII)

Body = TypeVar("Body", bound=msgspec.Struct)


class Credentials(msgspec.Struct, frozen=True):
    """``grant_type=password``. What is null counts as left out."""

    email: str | None = None
    phone: str | None = None
    password: str | None = None


class SignUp(msgspec.Struct, frozen=True):
    """``/signup``."""

    email: str | None = None
    phone: str | None = None
    password: str | None = None
    data: dict[str, Any] | None = None


class Refresh(msgspec.Struct, frozen=True):
    """``grant_type=refresh_token``."""

    refresh_token: str | None = None


async def read_json(request: Request, kind: type[Body], max_bytes: int) -> Body:
    """The request's JSON body. Unknown fields are passed over."""
    raw = await read_raw(request, max_bytes)
    try:
        return msgspec.json.decode(raw, type=kind | None) or kind()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        refuse(400, "bad_json", f"Could not parse request body as JSON: {error}")


async def read_raw(request: Request, max_bytes: int) -> bytes:
    """The request's body, whatever it is."""
    try:
        return await read_body(request, max_bytes)
    except BodyTooLarge as error:
        too_large = f"Request body too large (max {error.max_bytes} bytes)"
        refuse(413, "request_entity_too_large", too_large)
    except BodyCutOff:
        # Nobody is there to answer, and nothing was asked for yet.
        refuse(400, "bad_json", "Could not parse request body as JSON: it was cut off")


def check_sign_up(asked: SignUp) -> tuple[str, str]:
    """The address, in lower case, and the password of a new account."""
    email, phone, password = asked.email or "", asked.phone or "", asked.password or ""
    if not email and not phone:
        refuse(422, "anonymous_provider_disabled", "Anonymous sign-ins are disabled")
    if not password:
        refuse(400, "validation_failed", "Signup requires a valid password")
    check_password(password)
    if email and phone:
        both = "Only an email address or phone number should be provided on signup."
        refuse(400, "validation_failed", both)
    if phone:
        refuse(400, "phone_provider_disabled", "Phone signups are disabled")
    problem = email_problem(email)
    if problem is not None:
        refuse(400, "validation_failed", problem)
    if _too_deep(asked.data):
        refuse(400, "validation_failed", f"data: must not be nested over {MAX_DATA_DEPTH} deep")
    return email.lower(), password


def check_password(password: str) -> None:
    """Whether it may be one."""
    length = len(password.encode("utf-8", "surrogatepass"))
    if length > MAX_PASSWORD_BYTES:
        too_long = f"Password cannot be longer than {MAX_PASSWORD_BYTES} characters"
        refuse(400, "validation_failed", too_long)
    if length < MIN_PASSWORD_BYTES:
        too_short = f"Password should be at least {MIN_PASSWORD_BYTES} characters."
        raise AuthError(422, "weak_password", too_short, ("length",))


def check_credentials(asked: Credentials) -> tuple[str, str]:
    """The address, in lower case, and the password that somebody signs in with."""
    if asked.email and asked.phone:
        both = "Only an email address or phone number should be provided on login."
        refuse(400, "validation_failed", both)
    if asked.phone:
        refuse(422, "phone_provider_disabled", "Phone logins are disabled")
    if not asked.email:
        refuse(400, "validation_failed", "missing email or phone")
    return asked.email.lower(), asked.password or ""


def check_refresh(asked: Refresh) -> str:
    """A refresh token of the right form."""
    token = asked.refresh_token or ""
    if not _REFRESH_TOKEN.fullmatch(token):
        refuse(400, "validation_failed", "Refresh token is not valid")
    return token


def _too_deep(data: Any) -> bool:
    level = [data]
    for _ in range(MAX_DATA_DEPTH):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    return bool(level)
