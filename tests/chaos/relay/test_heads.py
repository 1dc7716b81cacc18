from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.relay.heads import LONGEST_HEAD_BYTES, Opening, read_opening

UPGRADE = (
    b"GET /realtime/v1/websocket?vsn=2.0.0 HTTP/1.1\r\n"
    b"Host: chat.example:443\r\n"
    b"uPGRADE:WebSocket\r\n"
    b"Connection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"X-Upgrade-Note: Upgrade: no\r\n\r\n"
)
ORDINARY = b"POST /api/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"


@given(cuts=st.lists(st.integers(0, len(UPGRADE)), max_size=6))
def test_an_opening_is_read_alike_under_every_chunking(cuts: list[int]) -> None:
    so_far, found = b"", None
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(UPGRADE)], strict=True):
        so_far += UPGRADE[begin:end]
        found = read_opening(so_far) if so_far else None
        assert (found is None) == (len(so_far) < len(UPGRADE))
    assert found == Opening(UPGRADE, head_bytes=len(UPGRADE), upgrade=True)


@given(content=st.binary(min_size=1, max_size=200))
def test_whatever_is_said_is_kept_byte_for_byte(content: bytes) -> None:
    found = read_opening(content)
    assert found is None or found.content == content


def test_an_ordinary_request_is_no_upgrade_and_its_body_is_no_head() -> None:
    found = read_opening(ORDINARY)
    assert found == Opening(ORDINARY, head_bytes=len(ORDINARY) - 4, upgrade=False)


@pytest.mark.parametrize("line", [b"Upgrade: h2c", b"X: Upgrade: websocket", b"Note: websocket"])
def test_only_the_header_itself_makes_an_upgrade(line: bytes) -> None:
    found = read_opening(b"GET / HTTP/1.1\r\n" + line + b"\r\n\r\n")
    assert found is not None
    assert not found.upgrade


def test_stripping_takes_out_the_two_headers_and_nothing_else() -> None:
    found = read_opening(UPGRADE + b"\x81\x05Upgrade: x\r\n")
    assert found is not None
    assert found.stripped() == (
        b"GET /realtime/v1/websocket?vsn=2.0.0 HTTP/1.1\r\n"
        b"Host: chat.example:443\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"X-Upgrade-Note: Upgrade: no\r\n\r\n"
        b"\x81\x05Upgrade: x\r\n"
    )


@pytest.mark.parametrize("content", [b"\x16\x03\x01", b"\r\n", b"\0", b"a" * 70_000])
def test_what_is_no_http_is_passed_on_at_once(content: bytes) -> None:
    assert read_opening(content) == Opening(content)


def test_a_head_may_be_long_but_not_endless() -> None:
    begin = b"GET / HTTP/1.1\r\nX: "
    assert read_opening(begin + b"x" * (LONGEST_HEAD_BYTES - len(begin))) is None
    assert read_opening(begin + b"x" * LONGEST_HEAD_BYTES) is not None
