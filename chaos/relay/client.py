"""The other side of the relay's control port."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

import httpx
import msgspec

from chaos.relay.reports import ListenerState
from chaos.relay.rules import Rule
from harness.errors import RigError


class RelayApi(Protocol):
    """What an actuator needs of a relay. All raise :class:`RigError`."""

    async def listeners(self) -> tuple[ListenerState, ...]: ...

    async def put(self, listener: str, rule: Rule) -> None: ...

    async def drop(self, listener: str, rule: str) -> None: ...

    async def clear(self) -> None:
        """Take back all rules of all listeners."""
        ...


class RelayClient:
    """A :class:`RelayApi` over HTTP."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, trust_env=False, timeout=10.0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def listeners(self) -> tuple[ListenerState, ...]:
        content = await self._ask("GET", "/listeners")
        return msgspec.json.decode(content, type=tuple[ListenerState, ...])

    async def put(self, listener: str, rule: Rule) -> None:
        url = f"/listeners/{listener}/rules/{rule.name}"
        await self._ask("PUT", url, msgspec.json.encode(rule))

    async def drop(self, listener: str, rule: str) -> None:
        await self._ask("DELETE", f"/listeners/{listener}/rules/{rule}")

    async def clear(self) -> None:
        await self._ask("DELETE", "/rules")

    async def _ask(self, method: str, path: str, content: bytes = b"") -> bytes:
        try:
            answer = await self._http.request(method, path, content=content)
        except httpx.HTTPError as error:
            why = str(error) or type(error).__name__
            raise RigError(f"relay: {method} {path}: {why}") from error
        if answer.is_error:
            raise RigError(f"relay: {method} {path}: {answer.status_code} {answer.text}")
        return answer.content
