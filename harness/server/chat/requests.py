"""What a request to the chat asks for, field by field (S7). Pure: bytes and texts in, values out.

Fields that nobody knows are ignored and of a repeated one the last counts, as ``JSON.parse``
and the destructuring of a JavaScript route do it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from harness.server.numbers import whole_number
from harness.wire.api import UUID_PATTERN, CreateRequest, EditRequest

MAX_ID = 2**63 - 1
"""The greatest ``int8``."""
DEFAULT_LIMIT = 50
MAX_LIMIT = 500

_decode_create = msgspec.json.Decoder(CreateRequest).decode
_decode_edit = msgspec.json.Decoder(EditRequest).decode
_SURROGATE = re.compile("[\ud800-\udfff]")

T = TypeVar("T")


class InvalidRequest(Exception):
    """A field cannot be what it is: ``<field>: <what is allowed>``, answered with 400."""


@dataclass(frozen=True)
class ListRequest:
    """``GET /api/messages?webinarId=W&after=<id>&limit=N`` (F4)."""

    webinar_id: int
    after_id: int | None
    """``None`` asks for the history: the last ``limit`` rows."""
    limit: int


def parse_create(body: bytes, max_body_chars: int) -> CreateRequest:
    """Read a send. Raises :class:`InvalidRequest` naming the field."""
    asked = _decode(body, _decode_create)
    if not 1 <= asked.webinar_id <= MAX_ID:
        raise InvalidRequest(f"webinarId: must be between 1 and {MAX_ID}")
    if not UUID_PATTERN.match(asked.client_msg_id):
        raise InvalidRequest("clientMsgId: must be a UUID")
    _check_text(asked.body, max_body_chars)
    return asked


def parse_edit(body: bytes, max_body_chars: int) -> EditRequest:
    """Read an edit. Raises :class:`InvalidRequest` naming the field."""
    asked = _decode(body, _decode_edit)
    _check_text(asked.body, max_body_chars)
    return asked


def parse_list(query: Iterable[tuple[str, str]]) -> ListRequest:
    """Read the parameters of a poll. Raises :class:`InvalidRequest` naming the parameter."""
    given: dict[str, str] = {}
    for name, text in query:
        if name in given and name in ("webinarId", "after", "limit"):
            raise InvalidRequest(f"{name}: must be given once")
        given[name] = text
    return ListRequest(
        webinar_id=parse_id("webinarId", given.get("webinarId", "")),
        after_id=_number("after", given["after"], 0, MAX_ID) if "after" in given else None,
        limit=_number("limit", given.get("limit", str(DEFAULT_LIMIT)), 1, MAX_LIMIT),
    )


def parse_id(name: str, text: str) -> int:
    """A row's or webinar's number. Raises :class:`InvalidRequest` naming it."""
    return _number(name, text, 1, MAX_ID)


def _number(name: str, text: str, least: int, most: int) -> int:
    number = whole_number(text, least, most)
    if number is None:
        raise InvalidRequest(f"{name}: must be a whole number from {least} to {most}")
    return number


def _check_text(body: str, max_chars: int) -> None:
    if not body.strip():
        raise InvalidRequest("body: must not be empty")
    if len(body) > max_chars:
        raise InvalidRequest(f"body: must not exceed {max_chars} characters")
    if "\0" in body:
        raise InvalidRequest("body: must not contain the character U+0000")


def _decode(body: bytes, decode: Callable[[bytes], T]) -> T:
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise InvalidRequest(_name_field(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(_name_surrogate(body) or f"request: not JSON ({error})") from None
    except RecursionError:
        raise InvalidRequest("request: JSON nested too deeply") from None


def _name_field(error: str) -> str:
    """Put the field first: msgspec names it last, or in back-ticks where it is missing."""
    what, _, where = error.partition(" - at `$.")
    if where:
        return f"{where.rstrip('`')}: {what}"
    missing = re.search(r"missing required field `(\w+)`", error)
    return f"{missing.group(1)}: is required" if missing else f"request: {error}"


def _name_surrogate(body: bytes) -> str | None:
    r"""Half a pair (``"\ud83d"``) is JSON all the same, but no text that a database can hold."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(fields, dict):
        for name, text in fields.items():
            if isinstance(text, str) and _SURROGATE.search(text) and not _SURROGATE.search(name):
                return f"{name}: must not contain half a surrogate pair"
    return None
