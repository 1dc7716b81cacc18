"""What a turn does to sockets of the web server, which has its own copy of a setting."""

from __future__ import annotations

import socket as sockets
from pathlib import Path

import httpx
import pytest

from tests.harness.server.running import WAIT_S, running

pytestmark = pytest.mark.e2e

ASK = b"GET /api/nothing HTTP/1.1\r\nHost: x\r\n\r\n"


def test_idle_connections_end_by_the_turned_knob_old_and_new_ones(tmp_path: Path) -> None:
    with running(tmp_path / "chat.db", "--knob", "keep_alive_s=3600") as server:
        url = httpx.URL(server.api_url)
        where = (url.host, url.port or 0)
        with sockets.create_connection(where, WAIT_S) as old:
            assert answered(old)
            turn = {"knobs": {"keep_alive_s": 1}}
            httpx.patch(f"{server.admin_url}/switches", json=turn, trust_env=False)
            with sockets.create_connection(where, WAIT_S) as new:
                for one in (old, new):
                    assert answered(one)
                for one in (old, new):
                    assert one.recv(1) == b""  # else the wait ends with an error


def answered(connection: sockets.socket) -> bool:
    connection.sendall(ASK)
    heard = b""
    while b"\r\n\r\n" not in heard:
        heard += connection.recv(65536)
    head, _, body = heard.partition(b"\r\n\r\n")
    lengths = [
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    ]
    while len(body) < lengths[0]:
        body += connection.recv(65536)
    return heard.startswith(b"HTTP/1.1 404")
