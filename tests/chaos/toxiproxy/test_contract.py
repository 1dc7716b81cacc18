"""What every ToxiproxyApi does, the fake of the tests and the real server alike."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.toxiproxy.client import ToxiproxyClient
from chaos.toxiproxy.model import Proxy, Stream, Toxic, ToxiproxyApi
from chaos.toxiproxy.process import start_toxiproxy
from chaos.toxiproxy.release import is_accepted
from harness.errors import LocalProtocolError, RigError
from tests.support.fake_toxiproxy import FakeToxiproxy


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.e2e)])
def api(
    request: pytest.FixtureRequest, loop: asyncio.Runner, tmp_path: Path
) -> Iterator[ToxiproxyApi]:
    if request.param == "fake":
        yield FakeToxiproxy()
        return
    binary: Path = request.getfixturevalue("toxiproxy_binary")
    server = loop.run(start_toxiproxy(binary, tmp_path / "toxiproxy.log"))
    client = ToxiproxyClient(server.url)
    yield client
    loop.run(client.aclose())
    loop.run(server.stop())


def proxy(name: str = "ws", listen: str = "127.0.0.1:0", *, enabled: bool = True) -> Proxy:
    return Proxy(name=name, listen=listen, upstream="127.0.0.1:9", enabled=enabled)


def slow(name: str = "slow", stream: Stream = "downstream") -> Toxic:
    return Toxic(
        name=name,
        type="latency",
        stream=stream,
        attributes={"latency": 20, "jitter": 5},
        toxicity=0.5,
    )


def test_the_version_is_one_that_we_accept(api: ToxiproxyApi, loop: asyncio.Runner) -> None:
    assert is_accepted(loop.run(api.version()))


def test_a_new_proxy_tells_the_port_it_got(api: ToxiproxyApi, loop: asyncio.Runner) -> None:
    made = loop.run(api.create(proxy()))

    host, _, port = made.listen.rpartition(":")
    assert host == "127.0.0.1"
    assert int(port) > 0
    assert loop.run(api.proxies()) == {"ws": made}


def test_two_proxies_get_different_ports(api: ToxiproxyApi, loop: asyncio.Runner) -> None:
    first = loop.run(api.create(proxy("a")))
    second = loop.run(api.create(proxy("b")))
    assert first.listen != second.listen


def test_a_name_can_be_taken_once(api: ToxiproxyApi, loop: asyncio.Runner) -> None:
    loop.run(api.create(proxy()))
    with pytest.raises(RigError, match=r"ws.*409"):
        loop.run(api.create(proxy()))


def test_an_address_can_be_taken_once(api: ToxiproxyApi, loop: asyncio.Runner) -> None:
    first = loop.run(api.create(proxy("first")))
    with pytest.raises(RigError, match=r"second.*in use"):
        loop.run(api.create(proxy("second", first.listen)))
    assert set(loop.run(api.proxies())) == {"first"}


def test_a_proxy_created_with_toxics_is_refused(api: ToxiproxyApi, loop: asyncio.Runner) -> None:
    poisoned = Proxy(name="ws", listen="127.0.0.1:0", upstream="127.0.0.1:9", toxics=(slow(),))
    with pytest.raises(LocalProtocolError, match="ws"):
        loop.run(api.create(poisoned))


def test_a_disabled_proxy_keeps_its_address_and_toxics_for_its_return(
    api: ToxiproxyApi, loop: asyncio.Runner
) -> None:
    made = loop.run(api.create(proxy()))
    loop.run(api.add_toxic("ws", slow()))

    loop.run(api.set_enabled("ws", False))
    off = loop.run(api.proxies())["ws"]
    loop.run(api.set_enabled("ws", True))
    on = loop.run(api.proxies())["ws"]

    assert not off.enabled
    assert on.enabled
    assert on.listen == off.listen == made.listen
    assert on.toxics == off.toxics == (slow(),)


def test_disabling_twice_is_no_error(api: ToxiproxyApi, loop: asyncio.Runner) -> None:
    loop.run(api.create(proxy()))
    loop.run(api.set_enabled("ws", False))
    loop.run(api.set_enabled("ws", False))
    assert not loop.run(api.proxies())["ws"].enabled


def test_a_proxy_created_disabled_gets_its_port_when_enabled(
    api: ToxiproxyApi, loop: asyncio.Runner
) -> None:
    made = loop.run(api.create(proxy(enabled=False)))
    loop.run(api.set_enabled("ws", True))
    assert made.listen == "127.0.0.1:0"
    assert not loop.run(api.proxies())["ws"].listen.endswith(":0")


def test_an_added_toxic_is_listed_as_it_was_given(api: ToxiproxyApi, loop: asyncio.Runner) -> None:
    loop.run(api.create(proxy()))
    loop.run(api.add_toxic("ws", slow()))
    assert loop.run(api.proxies())["ws"].toxics == (slow(),)


def test_a_toxic_name_can_be_taken_once_a_proxy_whatever_the_stream(
    api: ToxiproxyApi, loop: asyncio.Runner
) -> None:
    loop.run(api.create(proxy("a")))
    loop.run(api.create(proxy("b")))
    loop.run(api.add_toxic("a", slow()))
    loop.run(api.add_toxic("b", slow()))
    with pytest.raises(RigError, match=r"slow.*409"):
        loop.run(api.add_toxic("a", slow(stream="upstream")))


def test_an_updated_toxic_has_the_new_numbers_in_its_old_place(
    api: ToxiproxyApi, loop: asyncio.Runner
) -> None:
    other = slow("other", "upstream")
    slower = Toxic(
        name="slow",
        type="latency",
        stream="downstream",
        attributes={"latency": 40, "jitter": 0},
        toxicity=0.25,
    )
    loop.run(api.create(proxy()))
    loop.run(api.add_toxic("ws", slow()))
    loop.run(api.add_toxic("ws", other))

    loop.run(api.update_toxic("ws", slower))

    toxics = loop.run(api.proxies())["ws"].toxics
    assert sorted(toxics, key=lambda toxic: toxic.name) == [other, slower]


def test_a_toxic_that_is_not_there_cannot_be_updated(
    api: ToxiproxyApi, loop: asyncio.Runner
) -> None:
    loop.run(api.create(proxy()))
    with pytest.raises(RigError, match=r"slow.*404"):
        loop.run(api.update_toxic("ws", slow()))


def test_removing_a_toxic_leaves_the_others(api: ToxiproxyApi, loop: asyncio.Runner) -> None:
    loop.run(api.create(proxy()))
    loop.run(api.add_toxic("ws", slow("first")))
    loop.run(api.add_toxic("ws", slow("second", "upstream")))

    loop.run(api.remove_toxic("ws", "first"))

    assert loop.run(api.proxies())["ws"].toxics == (slow("second", "upstream"),)


def test_a_toxic_that_would_crash_the_server_is_refused_and_changes_nothing(
    api: ToxiproxyApi, loop: asyncio.Runner
) -> None:
    loop.run(api.create(proxy()))
    deadly = Toxic(name="x", type="slicer", stream="upstream", attributes={"average_size": 0})
    with pytest.raises(LocalProtocolError, match="average_size"):
        loop.run(api.add_toxic("ws", deadly))
    assert loop.run(api.proxies())["ws"].toxics == ()


def test_unknown_names_are_refused(api: ToxiproxyApi, loop: asyncio.Runner) -> None:
    loop.run(api.create(proxy()))
    with pytest.raises(RigError, match=r"nope.*404"):
        loop.run(api.set_enabled("nope", False))
    with pytest.raises(RigError, match=r"nope.*404"):
        loop.run(api.add_toxic("nope", slow()))
    with pytest.raises(RigError, match=r"nope.*404"):
        loop.run(api.remove_toxic("nope", "slow"))
    with pytest.raises(RigError, match=r"slow.*404"):
        loop.run(api.remove_toxic("ws", "slow"))
