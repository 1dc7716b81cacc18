from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.model import Toxic
from harness.errors import LocalProtocolError, RigError


class Server:
    """Keeps the requests and answers each with the same response or error."""

    def __init__(self, answer: httpx.Response | Exception) -> None:
        self.requests: list[httpx.Request] = []
        self._answer = answer

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def client(self) -> ToxiproxyClient:
        return ToxiproxyClient(
            "http://proxy.test:8474",
            timeout_s=3.0,
            removal_timeout_s=11.0,
            transport=httpx.MockTransport(self),
        )


def read_timeout_s(request: httpx.Request) -> float:
    timeout: dict[str, float] = request.extensions["timeout"]
    return timeout["read"]


def test_a_proxy_is_switched_with_patch() -> None:
    server = Server(httpx.Response(200, json={}))
    asyncio.run(server.client().set_enabled("ws", False))
    (request,) = server.requests
    assert (request.method, request.url.path) == ("PATCH", "/proxies/ws")
    assert json.loads(request.content) == {"enabled": False}


def test_the_user_agent_is_not_one_of_a_browser() -> None:
    server = Server(httpx.Response(200, json={"version": "v2.12.0"}))
    asyncio.run(server.client().version())
    assert not server.requests[0].headers["user-agent"].startswith("Mozilla/")


def test_the_version_has_no_leading_v() -> None:
    server = Server(httpx.Response(200, json={"version": "v2.12.0"}))
    assert asyncio.run(server.client().version()) == "2.12.0"


def test_names_cannot_leave_their_place_in_the_path() -> None:
    server = Server(httpx.Response(204))
    asyncio.run(server.client().remove_toxic("a/b", "../c"))
    assert server.requests[0].url.raw_path == b"/proxies/a%2Fb/toxics/..%2Fc"


def test_a_proxy_is_deleted_by_its_name() -> None:
    server = Server(httpx.Response(204))
    asyncio.run(server.client().delete("ws"))
    (request,) = server.requests
    assert (request.method, request.url.path) == ("DELETE", "/proxies/ws")


def test_only_removals_get_the_long_bound() -> None:
    server = Server(httpx.Response(200, json={}))
    client = server.client()

    async def calls() -> None:
        await client.set_enabled("ws", True)
        await client.remove_toxic("ws", "slow")

    asyncio.run(calls())
    assert [read_timeout_s(request) for request in server.requests] == [3.0, 11.0]


def test_an_error_status_names_the_server_the_action_the_proxy_and_the_answer() -> None:
    client = Server(httpx.Response(404, json={"error": "proxy not found"})).client()
    with pytest.raises(
        RigError, match=r"proxy\.test:8474 .*disable proxy 'ws': 404 .*proxy not found"
    ):
        asyncio.run(client.set_enabled("ws", False))


def test_a_timeout_is_a_rig_error() -> None:
    client = Server(httpx.ReadTimeout("")).client()
    with pytest.raises(RigError, match=r"remove toxic 'rst' of proxy 'ws': no answer in time"):
        asyncio.run(client.remove_toxic("ws", "rst"))


def test_a_refused_connection_is_a_rig_error() -> None:
    client = Server(httpx.ConnectError("all connection attempts failed")).client()
    with pytest.raises(RigError, match=r"list the proxies: all connection attempts failed"):
        asyncio.run(client.proxies())


@pytest.mark.parametrize("content", [b"<html>", b'{"ws": {"name": 1}}'])
def test_an_answer_of_another_form_is_a_rig_error(content: bytes) -> None:
    client = Server(httpx.Response(200, content=content)).client()
    with pytest.raises(RigError, match="list the proxies: an answer not of Toxiproxy's form"):
        asyncio.run(client.proxies())


def test_an_unsafe_toxic_is_never_sent() -> None:
    server = Server(httpx.Response(200, json={}))
    deadly = Toxic(name="x", type="bandwidth", stream="upstream", attributes={"rate": -1})
    with pytest.raises(LocalProtocolError, match="rate"):
        asyncio.run(server.client().add_toxic("ws", deadly))
    assert server.requests == []
