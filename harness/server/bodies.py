"""Request bodies, never more of one in memory than a knob allows."""

from __future__ import annotations

import re

from starlette.requests import ClientDisconnect, Request

_DIGITS = re.compile(r"[0-9]{1,18}")


class BodyTooLarge(Exception):
    """The body has more bytes than ``max_bytes``. What came of it is thrown away."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"the body must not exceed {max_bytes} bytes")
        self.max_bytes = max_bytes


class BodyCutOff(Exception):
    """The client was gone before its body was whole; nothing was asked for, nobody listens."""

    def __init__(self) -> None:
        super().__init__("the request was cut off")


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body. Raises :class:`BodyTooLarge` as soon as that is known, and
    :class:`BodyCutOff`."""
    declared = request.headers.get("content-length", "0")
    if _DIGITS.fullmatch(declared) and int(declared) > max_bytes:
        raise BodyTooLarge(max_bytes)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise BodyTooLarge(max_bytes)
    except ClientDisconnect:
        raise BodyCutOff from None
    return bytes(body)


def is_json(content_type: str | None) -> bool:
    """Whether a body that says this of itself is JSON; a body that says nothing is taken for it."""
    if content_type is None:
        return True
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )
