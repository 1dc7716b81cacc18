from __future__ import annotations

import socket

import pytest

from harness.errors import RigError
from scenarios.port_holder import holding

HOST = "127.0.0.1"


def listener(port: int = 0) -> socket.socket:
    """As the server makes them."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((HOST, port))
    made.listen()
    return made


@pytest.fixture
def port() -> int:
    with listener() as once:
        found: int = once.getsockname()[1]
        return found


def test_a_held_port_refuses_connects_and_is_nobody_else_s_source(port: int) -> None:
    with holding(HOST, [port]):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HOST, port))
        with pytest.raises(OSError, match="in use"), socket.socket() as other:
            other.bind((HOST, port))


def test_who_means_to_listen_there_can(port: int) -> None:
    with holding(HOST, [port]), listener(port), socket.create_connection((HOST, port)):
        pass


def test_a_port_that_is_taken_is_one_line() -> None:
    with listener() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RigError) as caught, holding(HOST, [port]):
            pass
    assert str(caught.value).startswith(f"server: its port {port} was taken while it was down: ")
