"""What Auth answers when it does not do what it was asked for."""

from __future__ import annotations

from datetime import date
from typing import Any, NoReturn

API_VERSION_HEADER = "X-Supabase-Api-Version"
API_VERSION = "2024-01-01"
ERROR_CODE_HEADER = "x-sb-error-code"


class AuthError(Exception):
    """A request that fails; what its client is told."""

    def __init__(self, status: int, code: str, message: str, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        """HTTP's."""
        self.code = code
        """Auth's own, which clients decide by."""
        self.message = message
        self.reasons = reasons
        """Why a password is weak (code ``weak_password``)."""


def refuse(status: int, code: str, message: str) -> NoReturn:
    """Raises :class:`AuthError`."""
    raise AuthError(status, code, message)


def error_answer(error: AuthError, asked_version: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Body and headers, in the shape of the API version that the client asked for.

    Since 2024-01-01 ``code`` is Auth's code; before, it is HTTP's status. A date that is none
    counts as none.
    """
    headers = {}
    if not error.reasons:
        headers[ERROR_CODE_HEADER] = error.code
    body: dict[str, Any]
    if _at_least_2024(asked_version):
        headers[API_VERSION_HEADER] = API_VERSION
        body = {"code": error.code, "message": error.message}
    else:
        headers[ERROR_CODE_HEADER] = error.code
        body = {"code": error.status, "error_code": error.code, "msg": error.message}
    if error.reasons:
        body["weak_password"] = {"reasons": list(error.reasons)}
    return body, headers


def _at_least_2024(version: str) -> bool:
    try:
        return date.fromisoformat(version) >= date.fromisoformat(API_VERSION)
    except ValueError:
        return False
