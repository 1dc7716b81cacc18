"""Errors as PostgREST and PostgreSQL word them: ``{code, message, details, hint}``.

Codes, words and status follow github.com/PostgREST/postgrest (``Error.hs``, August 2026).
"""

from __future__ import annotations

import msgspec


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """What every refused request is answered with."""

    code: str
    message: str
    details: str | None = None
    hint: str | None = None


class RestError(Exception):
    """A request that is refused, with its HTTP status."""

    def __init__(
        self, status: int, code: str, message: str, details: str | None = None, hint: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = ErrorBody(code=code, message=message, details=details, hint=hint or None)


def no_database(why: str) -> ErrorBody:
    """What PostgREST answers (503) while its database is away."""
    message = "Database connection error. Retrying the connection."
    return ErrorBody(code="PGRST000", message=message, details=why)


def unparsable(what: str, text: str, details: str) -> RestError:
    """A query parameter that is no such thing."""
    message = f'"failed to parse {what} ({text})" (line 1, column 1)'
    return RestError(400, "PGRST100", message, details)


def not_served(what: str) -> RestError:
    """What PostgREST can do and this server cannot."""
    return RestError(400, "PGRST127", "Feature not implemented", f"this server does not do {what}")


def bad_value(type_name: str, text: str) -> RestError:
    """A value that is none of its column's type."""
    code = "22007" if type_name.startswith("timestamp") else "22P02"
    return RestError(400, code, f'invalid input syntax for type {type_name}: "{text}"')


def no_column(name: str) -> RestError:
    """A column that the table does not have, in a filter, an order or a selection."""
    return RestError(400, "42703", f"column messages.{name} does not exist")


def denied(authenticated: bool) -> RestError:
    """The policies on writing say no."""
    message = 'new row violates row-level security policy for table "messages"'
    return RestError(403 if authenticated else 401, "42501", message)


def no_privilege(authenticated: bool) -> RestError:
    """A column that clients may not write."""
    return RestError(403 if authenticated else 401, "42501", "permission denied for table messages")
