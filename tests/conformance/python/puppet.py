"""A genuine ``realtime`` on strings: does what the lines of standard input say.

It runs in an environment of its own (``requirements.txt`` beside it) and speaks the vocabulary
of ``tests/conformance/puppet.py``, as the JavaScript puppet does.
"""

from __future__ import annotations

import ast
import asyncio
import functools
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from realtime import AsyncRealtimeChannel, AsyncRealtimeClient
from realtime.types import RealtimeAcknowledgementStatus, RealtimePostgresChangesListenEvent

Tell = Callable[..., None]


def say(**event: Any) -> None:
    """Print one line."""
    print(json.dumps(event), flush=True)


class Puppet:
    """The clients and channels of this process, by the names that the other side gave."""

    def __init__(self) -> None:
        self._clients: dict[str, AsyncRealtimeClient] = {}
        self._channels: dict[str, AsyncRealtimeChannel] = {}

    async def at_once(self, orders: list[dict[str, Any]]) -> None:
        """Carry out orders without waiting for any before the next."""
        await asyncio.gather(*(getattr(self, one.pop("order"))(**one) for one in orders))

    async def open(
        self,
        *,
        client: str,
        url: str,
        key: str,
        token: str | None,
        heartbeat_ms: int | None,
        reconnect_ms: int | None,
    ) -> None:
        """Make a client; it connects with its first channel. It has no faster heartbeat."""
        options: dict[str, Any] = {}
        if reconnect_ms is not None:
            # It gives up after a few attempts, and waits twice as long after each.
            options = {"initial_backoff": reconnect_ms / 1000, "max_retries": 8}
        one = AsyncRealtimeClient(f"{url}/realtime/v1", key, **options)
        self._clients[client] = one
        if token is not None:
            await one.set_auth(token)

    async def close(self, client: str) -> None:
        """Close its socket."""
        await self._clients.pop(client).close()

    async def set_auth(self, client: str, token: str) -> None:
        """Renew its token."""
        await self._clients[client].set_auth(token)

    async def make(self, client: str, channel: str, topic: str, config: dict[str, Any]) -> None:
        """Make a channel that is not subscribed yet."""
        whole: Any = {
            "broadcast": {"ack": False, "self": False},
            "presence": {"key": "", "enabled": False},
            "private": False,
            **config,
        }
        self._channels[channel] = self._clients[client].channel(topic, {"config": whole})

    async def listen(self, channel: str, binding: int, type: str, **asked: Any) -> None:
        """Hand a callback to the channel."""
        tell = functools.partial(say, channel=channel)
        _listen(self._channels[channel], binding, type, asked, tell)

    async def subscribe(self, channel: str) -> None:
        """Subscribe; this client waits for the outcome."""
        tell = functools.partial(say, channel=channel)
        one = self._channels[channel]
        one.on_system(lambda payload: tell(what="system", payload=payload.model_dump()))
        await one.subscribe(
            lambda status, error: tell(
                what="status", status=status.value, error=None if error is None else str(error)
            )
        )

    async def leave(self, client: str, channel: str) -> str:
        """Leave the channel; closes the socket after the last one."""
        await self._clients[client].remove_channel(self._channels[channel])
        return "ok"

    async def send(self, channel: str, event: str, payload: Any) -> str:
        """Broadcast; waits for the answer where the channel asked for one."""
        one = self._channels[channel]
        content = {"type": "broadcast", "event": event, "payload": payload}
        push = await one.push("broadcast", content)
        broadcast = one.params["config"]["broadcast"]
        if not (broadcast and broadcast.get("ack")):
            return "ok"
        done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        push.receive(RealtimeAcknowledgementStatus.Ok, lambda _: done.set_result("ok"))
        push.receive(RealtimeAcknowledgementStatus.Error, lambda _: done.set_result("error"))
        push.receive(RealtimeAcknowledgementStatus.Timeout, lambda: done.set_result("timed out"))
        return await done

    async def http_send(self, channel: str, event: str, payload: Any) -> dict[str, bool]:
        """Broadcast over HTTP."""
        await self._channels[channel].http_send(event, payload)
        return {"success": True}

    async def track(self, channel: str, payload: dict[str, Any]) -> str:
        """Be present; this client does not wait for the answer."""
        await self._channels[channel].track(payload)
        return "ok"

    async def untrack(self, channel: str) -> str:
        """Be present no more."""
        await self._channels[channel].untrack()
        return "ok"


def _listen(
    one: AsyncRealtimeChannel, binding: int, kind: str, asked: dict[str, Any], tell: Tell
) -> None:
    if kind == "postgres_changes":
        one.on_postgres_changes(
            RealtimePostgresChangesListenEvent(asked.pop("event")),
            lambda payload: tell(what="change", binding=binding, payload=payload),
            **asked,
        )
    elif kind == "broadcast":
        one.on_broadcast(
            asked["event"], lambda payload: tell(what="broadcast", binding=binding, payload=payload)
        )
    else:
        one.on_presence_sync(lambda: tell(what="sync", state=one.presence_state()))
        one.on_presence_join(
            lambda key, before, came: tell(what="arrived", key=key, before=before, came=came)
        )
        one.on_presence_leave(
            lambda key, after, went: tell(what="gone", key=key, after=after, went=went)
        )


class _Frames(logging.Handler):
    """Tells what the library logs of its frames, and of what it could not understand."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith("receive: "):
            say(what="frame", way="in", text=ast.literal_eval(text.removeprefix("receive: ")))
        elif text.startswith("send: "):
            say(what="frame", way="out", text=text.removeprefix("send: "))
        elif record.levelno >= logging.ERROR:
            say(what="complaint", text=text)


async def obey(puppet: Puppet) -> None:
    """Carry out orders until there are none."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    under_way: set[asyncio.Task[None]] = set()
    while line := await reader.readline():
        order = json.loads(line)
        act = getattr(puppet, order.pop("order"))
        # Not awaited here: what one order waits for may be what a later one does.
        task = asyncio.create_task(_carry_out(order.pop("id"), act, order))
        under_way.add(task)
        task.add_done_callback(under_way.discard)


async def _carry_out(number: int, act: Callable[..., Awaitable[Any]], order: Any) -> None:
    try:
        value = await act(**order)
    except Exception as error:  # noqa: BLE001 - told to the other side, whatever it is
        say(answer=number, error=str(error))
    else:
        say(answer=number, value=value)


if __name__ == "__main__":
    library = logging.getLogger("realtime")
    library.setLevel(logging.DEBUG)
    library.addHandler(_Frames())
    asyncio.run(obey(Puppet()))
