"""A Toxiproxy in memory: what it would hold and refuse, without a socket.

It passes the contract suite of the real one (tests/chaos/toxiproxy/test_contract.py), so a test
of the director says the same about both.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import msgspec

from chaos.toxiproxy.limits import check_toxic
from chaos.toxiproxy.model import Proxy, Toxic
from harness.errors import LocalProtocolError, RigError


class FakeToxiproxy:
    """A :class:`~chaos.toxiproxy.model.ToxiproxyApi` of plain values.

    ``calls`` is the history, one line a call, refused ones too: ``disable ws-main``,
    ``add ws-main slow``. A line put into ``refused`` makes that call fail with ``RigError``.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.refused: set[str] = set()
        self._proxies: dict[str, Proxy] = {}
        self._ports: Iterator[int] = count(20_001)

    async def version(self) -> str:
        self._note("version")
        return "2.12.0"

    async def create(self, proxy: Proxy) -> Proxy:
        if proxy.toxics:
            raise LocalProtocolError(f"proxy {proxy.name!r}: create it first, then add its toxics")
        self._note(f"create {proxy.name}")
        if proxy.name in self._proxies:
            raise RigError(f"create {proxy.name}: 409 proxy already exists")
        if proxy.enabled and proxy.listen in {other.listen for other in self._proxies.values()}:
            raise RigError(f"create {proxy.name}: 500 bind: address already in use")
        return self._hold(proxy)

    async def proxies(self) -> dict[str, Proxy]:
        self._note("list")
        return dict(self._proxies)

    async def set_enabled(self, proxy: str, enabled: bool) -> None:
        self._note(f"{'enable' if enabled else 'disable'} {proxy}")
        self._hold(msgspec.structs.replace(self._existing(proxy), enabled=enabled))

    async def add_toxic(self, proxy: str, toxic: Toxic) -> None:
        check_toxic(toxic)
        self._note(f"add {proxy} {toxic.name}")
        held = self._existing(proxy)
        if any(other.name == toxic.name for other in held.toxics):
            raise RigError(f"add {proxy} {toxic.name}: 409 toxic already exists")
        self._hold(msgspec.structs.replace(held, toxics=(*held.toxics, toxic)))

    async def update_toxic(self, proxy: str, toxic: Toxic) -> None:
        check_toxic(toxic)
        self._note(f"update {proxy} {toxic.name}")
        held = self._existing(proxy)
        if all(other.name != toxic.name for other in held.toxics):
            raise RigError(f"update {proxy} {toxic.name}: 404 toxic not found")
        now = tuple(toxic if other.name == toxic.name else other for other in held.toxics)
        self._hold(msgspec.structs.replace(held, toxics=now))

    async def remove_toxic(self, proxy: str, toxic: str) -> None:
        self._note(f"remove {proxy} {toxic}")
        held = self._existing(proxy)
        left = tuple(other for other in held.toxics if other.name != toxic)
        if len(left) == len(held.toxics):
            raise RigError(f"remove {proxy} {toxic}: 404 toxic not found")
        self._hold(msgspec.structs.replace(held, toxics=left))

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if call in self.refused:
            raise RigError(f"{call}: refused by the test")

    def _existing(self, name: str) -> Proxy:
        if name not in self._proxies:
            raise RigError(f"{name}: 404 proxy not found")
        return self._proxies[name]

    def _hold(self, proxy: Proxy) -> Proxy:
        host, _, port = proxy.listen.rpartition(":")
        if proxy.enabled and port == "0":
            proxy = msgspec.structs.replace(proxy, listen=f"{host}:{next(self._ports)}")
        self._proxies[proxy.name] = proxy
        return proxy
