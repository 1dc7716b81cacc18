"""The relay as a process, and its control port."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import msgspec
import psutil
import pytest

from chaos.relay.client import RelayClient
from chaos.relay.listener import Route
from chaos.relay.process import relay
from chaos.relay.reports import ConnectionState, Started
from chaos.relay.rules import Lifetime, Rule, Stall
from harness.errors import RigError
from tests.chaos.relay.conftest import UPGRADE, WITHIN_S, Rig, RunStory

pytestmark = pytest.mark.e2e

COMMAND = [sys.executable, "-m", "chaos.relay"]


def test_it_ends_with_its_parent() -> None:
    command = [*COMMAND, "--lifeline", "--route", "a=127.0.0.1:9"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        try:
            assert child.stdout is not None
            assert child.stdin is not None
            assert set(msgspec.json.decode(child.stdout.readline(), type=Started).ports) == {"a"}
            child.stdin.close()
            assert child.wait(WITHIN_S) == 0
        finally:
            child.kill()


def test_stopping_ends_it_with_connections_open_and_without_complaint(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        os.kill(rig.process.pid, signal.SIGTERM)
        assert (await rig.process.ended()).startswith("the relay ended with code 0; see ")
        for end in (client, server):
            assert await end.receive() == b""

    with_rig(story)


def test_a_relay_that_is_killed_says_so_at_once(tmp_path: Path) -> None:
    async def scene() -> str:
        route = Route(name="a", host="127.0.0.1", port=9)
        async with relay([route], tmp_path / "relay.log") as process:
            os.kill(process.pid, signal.SIGKILL)
            async with asyncio.timeout(WITHIN_S):
                return await process.ended()

    said = asyncio.run(scene())
    assert said == f"the relay ended with code -9; see {tmp_path.name}/relay.log"


def test_leaving_its_context_leaves_no_process(tmp_path: Path) -> None:
    async def scene() -> int:
        async with relay([], tmp_path / "relay.log") as process:
            return process.pid

    assert not psutil.pid_exists(asyncio.run(scene()))


@pytest.mark.parametrize("route", ["a", "a=b", "=h:1", "a=h:x"])
def test_a_bad_route_is_named(route: str) -> None:
    done = subprocess.run([*COMMAND, "--route", route], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{route!r}: must be NAME=HOST:PORT" in done.stderr


def test_rules_are_listed_as_they_were_set_until_they_go(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        rules = [
            Rule(name="old", act=Lifetime(ttl_s=60, ending="rst"), share=0.25, seed=2**32 - 1),
            Rule(name="held", act=Stall()),
        ]
        for rule in rules:
            await rig.api.put("ws", rule)
        assert [held.rule for held in (await rig.state()).rules] == rules
        await rig.api.drop("ws", "old")
        assert [held.rule for held in (await rig.state()).rules] == rules[1:]
        await rig.api.clear()
        assert (await rig.state()).rules == ()

    with_rig(story)


def test_what_it_cannot_do_is_refused_with_the_reason(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        rule = Rule(name="r", act=Stall())
        with pytest.raises(RigError, match="404 no listener 'x'; there are: ws, nowhere"):
            await rig.api.put("x", rule)
        await rig.api.put("ws", rule)
        with pytest.raises(RigError, match="400 rule 'r' is there already, and differs"):
            await rig.api.put("ws", Rule(name="r", act=Lifetime(ttl_s=1)))
        async with httpx.AsyncClient(base_url=rig.process.url) as http:
            url = "/listeners/ws/rules/q"
            bad = await http.put(url, content=b'{"name":"q","act":{"type":"stall"},"share":2}')
            assert (bad.status_code, bad.text) == (
                400,
                "Expected `float` <= 1.0 - at `$.share`",
            )
            other = await http.put(url, content=msgspec.json.encode(rule))
            assert other.text == "rule 'r' has another name in the URL"
            page = await http.get("/listeners", headers={"origin": "http://evil.example"})
            assert page.status_code == 403

    with_rig(story)


def test_each_open_connection_is_listed(with_rig: RunStory) -> None:
    async def story(rig: Rig) -> None:
        client, server = await rig.connect()
        client.send(b"123")
        assert await server.receive() == b"123"
        await rig.dial()
        async with httpx.AsyncClient(base_url=rig.process.url) as http:
            content = (await http.get("/connections")).content
        first, second = msgspec.json.decode(content, type=list[ConnectionState])
        assert (first.number, first.websocket, second.websocket) == (1, True, False)
        assert (first.bytes_up, second.bytes_up) == (len(UPGRADE) + len(b"123"), 0)
        assert 0 <= first.idle_s <= first.age_s

    with_rig(story)


def test_a_relay_that_is_gone_is_an_error_of_the_rig() -> None:
    async def scene() -> None:
        async with RelayClient("http://127.0.0.1:9") as client:
            await client.listeners()

    with pytest.raises(RigError, match="relay: GET /listeners: "):
        asyncio.run(scene())
