"""Toxiproxy's HTTP API: the calls that the director needs, each bounded in time."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from chaos.toxiproxy.limits import check_toxic
from chaos.toxiproxy.model import Proxy, Toxic
from harness.errors import LocalProtocolError, RigError

Method = Literal["GET", "POST", "PATCH", "DELETE"]

T = TypeVar("T")

USER_AGENT = "chatquake"
"""One that starts with ``Mozilla/`` is answered 403."""

_ANSWER_CHARS = 200


class Version(msgspec.Struct, frozen=True):
    """The answer of ``GET /version``."""

    version: str


class ToxiproxyClient:
    """A :class:`~chaos.toxiproxy.model.ToxiproxyApi` over HTTP.

    Close it with :meth:`aclose` or use it as an async context manager.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 3.0,
        removal_timeout_s: float = 12.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """``url`` is the API's base, such as ``http://127.0.0.1:8474``.

        A removal has its own, longer bound: Toxiproxy first lets every link of the toxic end its
        wait and write what it holds (up to 5 s each), and answers only then.
        """
        self.url = url
        self._removal_timeout_s = removal_timeout_s
        self._http = httpx.AsyncClient(
            base_url=url,
            timeout=timeout_s,
            headers={"User-Agent": USER_AGENT},
            trust_env=False,  # a corporate HTTP proxy has no business between us and 127.0.0.1
            transport=transport,
        )

    async def aclose(self) -> None:
        """Close the connections; the proxies and toxics stay as they are."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def version(self) -> str:
        """The server's version without a leading ``v``; ``git`` if ``go install`` built it."""
        answer = await self._call("tell its version", "GET", "/version")
        return self._decode(answer, Version, "tell its version").version.removeprefix("v")

    async def create(self, proxy: Proxy) -> Proxy:
        """Make a proxy and return it with the address it really listens on."""
        if proxy.toxics:
            raise LocalProtocolError(f"proxy {proxy.name!r}: create it first, then add its toxics")
        action = f"create proxy {proxy.name!r} on {proxy.listen}"
        body = {
            "name": proxy.name,
            "listen": proxy.listen,
            "upstream": proxy.upstream,
            "enabled": proxy.enabled,
        }
        answer = await self._call(action, "POST", "/proxies", body)
        return self._decode(answer, Proxy, action)

    async def proxies(self) -> dict[str, Proxy]:
        """All proxies by name, with their toxics."""
        answer = await self._call("list the proxies", "GET", "/proxies")
        return self._decode(answer, dict[str, Proxy], "list the proxies")

    async def set_enabled(self, proxy: str, enabled: bool) -> None:
        """Open or close a proxy's listener; closing also cuts every connection through it."""
        action = f"{'enable' if enabled else 'disable'} proxy {proxy!r}"
        await self._call(action, "PATCH", _path(proxy), {"enabled": enabled})

    async def add_toxic(self, proxy: str, toxic: Toxic) -> None:
        """Add a toxic; it acts on open connections at once.

        Raises:
            LocalProtocolError: Toxiproxy would not survive or not understand it (``limits``).
            RigError: as every call.
        """
        check_toxic(toxic)
        action = f"add toxic {toxic.name!r} to proxy {proxy!r}"
        await self._call(action, "POST", f"{_path(proxy)}/toxics", msgspec.to_builtins(toxic))

    async def update_toxic(self, proxy: str, toxic: Toxic) -> None:
        """Give a toxic that is there other numbers; its name, type and stream stay.

        Each connection is drawn anew: with a toxicity below 1 others may be hit than before.

        Raises:
            LocalProtocolError, RigError: as :meth:`add_toxic`.
        """
        check_toxic(toxic)
        action = f"update toxic {toxic.name!r} of proxy {proxy!r}"
        path = f"{_path(proxy)}/toxics/{quote(toxic.name, safe='')}"
        body = {"attributes": toxic.attributes, "toxicity": toxic.toxicity}
        await self._call(action, "PATCH", path, body)

    async def remove_toxic(self, proxy: str, toxic: str) -> None:
        """Remove a toxic. Past the bound the error is raised here; the server still goes on."""
        action = f"remove toxic {toxic!r} of proxy {proxy!r}"
        path = f"{_path(proxy)}/toxics/{quote(toxic, safe='')}"
        await self._call(action, "DELETE", path, timeout_s=self._removal_timeout_s)

    async def delete(self, proxy: str) -> None:
        """Remove a proxy with its toxics and connections."""
        await self._call(f"delete proxy {proxy!r}", "DELETE", _path(proxy))

    async def _call(
        self,
        action: str,
        method: Method,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        timeout_s: float | None = None,
    ) -> httpx.Response:
        limit = httpx.USE_CLIENT_DEFAULT if timeout_s is None else httpx.Timeout(timeout_s)
        try:
            answer = await self._http.request(method, path, json=body, timeout=limit)
        except httpx.TimeoutException as error:
            raise self._failed(action, f"no answer in time ({type(error).__name__})") from error
        except httpx.HTTPError as error:
            raise self._failed(action, str(error) or type(error).__name__) from error
        if not answer.is_success:
            said = answer.text.strip()[:_ANSWER_CHARS]
            raise self._failed(action, f"{answer.status_code} {said}")
        return answer

    def _decode(self, answer: httpx.Response, kind: type[T], action: str) -> T:
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except msgspec.DecodeError as error:
            raise self._failed(action, f"an answer not of Toxiproxy's form: {error}") from error

    def _failed(self, action: str, why: str) -> RigError:
        return RigError(f"Toxiproxy at {self.url} did not {action}: {why}")


def _path(proxy: str) -> str:
    return f"/proxies/{quote(proxy, safe='')}"
