"""What the relay itself answers to a request. Pure."""

from __future__ import annotations

from http import HTTPStatus

_PAGE = b"""<!doctype html>
<html><head><title>Web access</title></head>
<body><h1>This connection is filtered</h1>
<p>The requested service is not available on this network.</p></body></html>
"""


def refusal(status: int) -> bytes:
    """An error answer as a gateway gives it."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:  # one that no RFC knows, such as 499 or 522
        phrase = "Refused"
    return _answer(status, phrase, "text/plain", f"{status} {phrase}\n".encode())


def page() -> bytes:
    """A filter's page: 200 and HTML, whatever was asked for."""
    return _answer(200, "OK", "text/html; charset=utf-8", _PAGE)


def _answer(status: int, phrase: str, content_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status} {phrase}\r\n"
        f"Content-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode("latin-1") + body
