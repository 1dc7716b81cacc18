"""Answers of the chat's routes: JSON in one shape, whatever happened (S8)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from harness.wire.api import CreateAnswer
from harness.wire.changes import MessageRow

NO_STORE = {"Cache-Control": "no-store"}

_encode = msgspec.json.Encoder().encode


def success(row: MessageRow | None = None) -> Response:
    """200 with the row as it now is."""
    return as_json(200, CreateAnswer(success=True, message=row))


def failure(status: int, error: str, headers: Mapping[str, str] | None = None) -> Response:
    """``error``: one line, ``<field>: <what is allowed>`` where a field is to blame."""
    return as_json(status, CreateAnswer(success=False, error=error), headers)


def as_json(
    status: int, answer: msgspec.Struct, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer that no cache may keep, unless ``headers`` say otherwise."""
    carried = {**NO_STORE, **(headers or {})}
    return Response(_encode(answer), status, carried, media_type="application/json")
