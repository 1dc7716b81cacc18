"""The opening handshake in bytes."""

from __future__ import annotations

import pytest

from harness.server.realtime.sockets.upgrade import Upgrade, read_upgrade, refusal

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
"""The key of the example in RFC 6455, section 1.3."""


def request(
    target: str = "/socket/websocket?vsn=2.0.0", key: str = KEY, version: str = "13", more: str = ""
) -> bytes:
    return (
        f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n"
        f"Upgrade: WebSocket\r\nSec-WebSocket-Version: {version}\r\nSec-WebSocket-Key: {key}\r\n"
        f"{more}\r\n"
    ).encode()


def test_a_request_is_read_as_path_query_and_headers() -> None:
    target = "/realtime/v1/websocket?apikey=a%2Bb&empty=&vsn=1.0.0&vsn=2.0.0"
    upgrade = read_upgrade(request(target, more="X-Api-Key: secret\r\n"))

    assert isinstance(upgrade, Upgrade)
    assert upgrade.path == "/realtime/v1/websocket"
    assert upgrade.query == {"apikey": "a+b", "empty": "", "vsn": "2.0.0"}
    assert upgrade.headers["x-api-key"] == "secret"


def test_the_acceptance_proves_that_the_key_was_read_and_offers_no_extension() -> None:
    offered = "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: a\r\n"
    upgrade = read_upgrade(request(more=offered))

    assert isinstance(upgrade, Upgrade)
    assert upgrade.acceptance.startswith(b"HTTP/1.1 101 ")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in upgrade.acceptance
    assert b"extensions" not in upgrade.acceptance.lower()


@pytest.mark.parametrize("broken", [request(key="short"), request(version="12"), b"", b"\r\n\r\n"])
def test_what_is_no_sound_request_is_answered_400(broken: bytes) -> None:
    answer = read_upgrade(broken)

    assert isinstance(answer, bytes)
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_refusal_has_its_headers_and_its_body() -> None:
    denied = refusal(401, [(b"content-type", b"application/json")], b"{}")

    assert denied.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert b"Content-Length: 2\r\ncontent-type: application/json\r\n\r\n{}" in denied
    assert refusal(403).endswith(b"Content-Length: 0\r\n\r\n")
