"""One client of a vendor's library, and its channels, as a test speaks of them."""

from __future__ import annotations

import itertools
from typing import Any

from tests.conformance.puppet import Event, Library, Puppet

Listen = dict[str, Any]
"""What a channel listens to: a type and what the library's own call takes."""

Order = dict[str, Any]
"""One line to a puppet, without its number."""

_names = itertools.count(1)


def changes(event: str = "*", where: str | None = None, *, table: str = "messages") -> Listen:
    """Rows of a table: INSERT, UPDATE, DELETE or ``*``, that pass a filter."""
    listen = {"type": "postgres_changes", "event": event, "schema": "public", "table": table}
    return listen if where is None else {**listen, "filter": where}


def broadcasts(event: str) -> Listen:
    """Broadcasts of a name, or ``*``."""
    return {"type": "broadcast", "event": event}


PRESENCE: Listen = {"type": "presence"}
"""Who is here, who came and who went."""


class Channel:
    """A channel of a library. What it told is taken in order, kind by kind."""

    def __init__(self, client: Client, topic: str) -> None:
        self.client = client
        self.topic = topic
        self.name = f"channel {next(_names)}"
        self._taken: dict[str, int] = {}

    def all(self, what: str) -> list[Event]:
        """Everything of a kind so far."""
        return self.client.puppet.events(channel=self.name, what=what)

    def next(self, what: str) -> Event:
        """The next event of a kind that was not taken yet; waits for it."""
        taken = self._taken.get(what, 0)
        self.client.puppet.wait_until(
            lambda: len(self.all(what)) > taken, f"further {what!r} on {self.topic}"
        )
        self._taken[what] = taken + 1
        return self.all(what)[taken]

    def status(self) -> str:
        """The next status that the subscribe callback got."""
        status: str = self.next("status")["status"]
        return status

    @property
    def statuses(self) -> list[str]:
        """Every status so far."""
        return [one["status"] for one in self.all("status")]

    def subscribed(self) -> Channel:
        """Wait for SUBSCRIBED."""
        event = self.next("status")
        assert event["status"] == "SUBSCRIBED", event
        return self

    def live(self) -> Channel:
        """Wait for the ``system ok`` from which on rows flow (H8)."""
        payload = self.next("system")["payload"]
        assert payload["message"] == "Subscribed to PostgreSQL", payload
        return self

    def change(self) -> Any:
        """The next row that a ``postgres_changes`` callback got."""
        return self.next("change")["payload"]

    def broadcast(self) -> Any:
        """The next broadcast that a callback got."""
        return self.next("broadcast")["payload"]

    def send(self, event: str, payload: Any) -> str:
        """Broadcast; returns what the library says became of it."""
        answer: str = self.client.puppet.ask(
            "send", channel=self.name, event=event, payload=payload
        )
        return answer

    def ask(self, order: str, **details: Any) -> Any:
        """Any other order to this channel."""
        return self.client.puppet.ask(order, channel=self.name, **details)

    def leave(self) -> None:
        """Leave it for good."""
        self.client.puppet.ask("leave", client=self.client.name, channel=self.name)


class Client:
    """A client of a library, with one socket."""

    def __init__(self, puppet: Puppet, **options: Any) -> None:
        self.puppet = puppet
        self.name = f"client {next(_names)}"
        self._open = True
        puppet.ask("open", client=self.name, **options)

    @property
    def library(self) -> Library:
        """What it is made of."""
        return self.puppet.library

    def make(self, topic: str, *listen: Listen, **config: Any) -> Channel:
        """Make a channel that is not subscribed yet."""
        channel = Channel(self, topic)
        self._tell(_making(channel, listen, config))
        return channel

    def join(self, topic: str, *listen: Listen, **config: Any) -> Channel:
        """Make a channel and subscribe; does not wait for the outcome."""
        channel = Channel(self, topic)
        self._tell([*_making(channel, listen, config), _subscribing(channel)])
        return channel

    def remount(self, topic: str, *listen: Listen) -> tuple[Channel, Channel]:
        """Join, leave and join again without a moment between."""
        first, second = Channel(self, topic), Channel(self, topic)
        orders = [
            *(*_making(first, listen, {}), _subscribing(first)),
            {"order": "leave", "client": self.name, "channel": first.name},
            *(*_making(second, listen, {}), _subscribing(second)),
        ]
        self.puppet.tell("at_once", orders=orders)
        return first, second

    def set_auth(self, token: str) -> None:
        """Renew its token."""
        self.puppet.ask("set_auth", client=self.name, token=token)

    def events(self, what: str) -> list[Event]:
        """What its socket told."""
        return self.puppet.events(client=self.name, what=what)

    def wait_for(self, what: str, count: int = 1) -> list[Event]:
        """Wait until its socket told of something ``count`` times."""
        self.puppet.wait_until(lambda: len(self.events(what)) >= count, what)
        return self.events(what)

    def close(self) -> None:
        """Close its socket, if that is not done yet."""
        if self._open:
            self._open = False
            self.puppet.ask("close", client=self.name)

    def _tell(self, orders: list[Order]) -> None:
        for order in orders:
            self.puppet.tell(**order)


def _making(channel: Channel, listen: tuple[Listen, ...], config: dict[str, Any]) -> list[Order]:
    names = {"client": channel.client.name, "channel": channel.name}
    make = {"order": "make", **names, "topic": channel.topic, "config": config}
    hearing = [
        {"order": "listen", "channel": channel.name, "binding": number, **one}
        for number, one in enumerate(listen)
    ]
    return [make, *hearing]


def _subscribing(channel: Channel) -> Order:
    return {"order": "subscribe", "channel": channel.name}
