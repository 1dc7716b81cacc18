"""The state tables: whole, reachable, walked through, and strict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from random import Random
from typing import Any

import pytest

from harness.client import channel, connection, fallback, message_list, request
from harness.client.channel import CHANNEL_TABLE, Join
from harness.client.connection import SOCKET_TABLE, Socket
from harness.client.effects import Effects
from harness.client.fallback import POLLING_TABLE, Polling
from harness.client.library import CURRENT, LEGACY, Library
from harness.client.message_list import BUBBLE_TABLE, Bubble
from harness.client.policy import Policy
from harness.client.realtime import Realtime
from harness.client.request import REQUEST_TABLE, Request
from harness.client.states import after
from harness.errors import LocalProtocolError
from tests.support.page import ME, ListSink, Page, live_page, row

Table = Mapping[tuple[Any, Any], Any]
TABLES: dict[str, tuple[Table, Enum]] = {
    "socket": (SOCKET_TABLE, Socket.IDLE),
    "channel": (CHANNEL_TABLE, Join.CLOSED),
    "polling": (POLLING_TABLE, Polling.OFF),
    "bubble": (BUBBLE_TABLE, Bubble.SENDING),
    "request": (REQUEST_TABLE, Request.UNDER_WAY),
}
tables = pytest.mark.parametrize(("table", "start"), TABLES.values(), ids=TABLES.keys())


@tables
def test_every_state_is_reachable(table: Table, start: Enum) -> None:
    reached = {start}
    while more := {to for (state, _), to in table.items() if state in reached} - reached:
        reached |= more

    assert reached == set(type(start))


@tables
def test_what_the_table_does_not_name_raises_and_says_what_was_asked(
    table: Table, start: Enum
) -> None:
    triggers = {trigger for _, trigger in table}
    illegal = {(s, t) for s in type(start) for t in triggers} - table.keys()

    assert illegal
    for state, trigger in illegal:
        with pytest.raises(LocalProtocolError, match=f"{state.name}.*{trigger.name}"):
            after(table, state, trigger)


def test_opening_an_open_page_raises_and_changes_nothing() -> None:
    page = live_page()
    records, commands = list(page.sink.events), list(page.commands)

    with pytest.raises(LocalProtocolError, match="open already"):
        page.starts()
    page.drain()

    assert (page.sink.events, page.commands) == (records, commands)
    assert page.session.is_live


def test_connecting_twice_raises_and_changes_nothing() -> None:
    effects = Effects(user=1, sink=ListSink())
    part = Realtime(42, Policy(name="p"), effects, api_key="k", token="t", rng=Random(0))
    part.connect(0.0)
    before, wakes_s = list(effects.commands), effects.next_wake_s

    with pytest.raises(LocalProtocolError, match="CONNECTING does not allow CONNECT"):
        part.connect(1.0)

    assert effects.commands == before
    assert effects.next_wake_s == wakes_s


class Watched(dict[Any, Any]):
    """A table that remembers what was looked up."""

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self.visited: set[Any] = set()

    def __getitem__(self, key: Any) -> Any:
        self.visited.add(key)
        return super().__getitem__(key)


def _tours() -> Iterator[Callable[[], None]]:
    """Lives that together take every transition which a page can take."""

    def page_in(*acts: Callable[[Page], None], library: Library = CURRENT) -> Callable[[], None]:
        def tour() -> None:
            page = Page(library=library)
            page.opens()
            for act in acts:
                act(page)
            page.closes()

        return tour

    def fails(page: Page) -> None:
        page.socket_closes()

    def old_socket_ends(page: Page) -> None:
        page.socket_closes(socket=1)

    def crashes(page: Page) -> None:
        page.frame("phx_error", {}, join_ref=page.join_ref, ref=page.join_ref)

    def waits(seconds: float) -> Callable[[Page], None]:
        return lambda page: page.wait(seconds)

    opens, live, joined = Page.socket_opens, Page.goes_live, Page.join_answered
    hides: Callable[[Page], None] = lambda page: page.visible(False)  # noqa: E731 - beside shows
    shows: Callable[[Page], None] = lambda page: page.visible(True)  # noqa: E731
    receives: Callable[[Page], None] = lambda page: page.receives(row(1))  # noqa: E731

    yield page_in()  # closed while connecting
    yield page_in(fails)  # closed while the socket waits
    yield page_in(opens)  # closed while joining
    yield page_in(opens, joined)
    yield page_in(live, Page.system)
    yield page_in(live, fails)
    yield page_in(live, fails, waits(1.0))
    yield page_in(live, waits(50.0))  # closed after a missed heartbeat
    yield page_in(live, waits(51.5))
    yield page_in(live, waits(51.5), library=LEGACY)  # the next socket beside the one that hangs
    yield page_in(fails, waits(1.1), opens, joined, library=LEGACY)  # the join heard after errors
    yield page_in(live, waits(51.5), old_socket_ends, opens, library=LEGACY)
    yield page_in(hides, shows)  # shown while connecting
    yield page_in(Page.page_hides)  # closed while put away
    yield page_in(Page.page_hides, Page.page_shows)
    yield page_in(live, hides, fails, waits(1.0))  # closed while parked
    yield page_in(live, hides, fails, waits(1.0), shows)
    yield page_in(opens, joined, crashes)
    yield page_in(opens, crashes, waits(1.0))
    yield page_in(live, crashes, crashes)
    yield page_in(opens, Page.channel_closed)
    yield page_in(live, crashes, Page.channel_closed, waits(1.0))
    yield page_in(opens, Page.channel_closed, waits(10.0))  # ended with its join unanswered
    yield page_in(opens, waits(26.0), library=LEGACY)  # left itself, and joins on
    yield page_in(live, waits(10.0), receives)
    yield page_in(live, waits(10.0), hides, shows)
    yield page_in(live, waits(10.0), hides, receives)


def _send_tours() -> Iterator[Callable[[], None]]:
    def swapped_while_sending() -> None:
        page = live_page()
        page.receives(row(1, by=ME, client_msg_id=page.types()))

    def swapped_after_the_timeout() -> None:
        page = live_page()
        key = page.types()
        page.wait(10.0)
        page.receives(row(1, by=ME, client_msg_id=key))

    def answered(body: bytes) -> Callable[[], None]:
        def tour() -> None:
            page = live_page()
            page.types()
            page.answers(page.sends[-1], body)

        return tour

    def answered_well() -> None:
        page = live_page()
        page.answers_send(row(1, by=ME, client_msg_id=page.types()))

    def without_an_answer() -> None:
        page = live_page()
        page.types()
        page.fails(page.sends[-1])

    def sent_again_after_a_failure() -> None:
        page = live_page()
        page.types(0)
        page.fails(page.sends[-1])
        page.sends_again(0)

    yield swapped_while_sending
    yield swapped_after_the_timeout
    yield answered_well
    yield answered(b'{"success": false, "error": "no"}')
    yield answered(b"<html>")
    yield without_an_answer
    yield sent_again_after_a_failure


def test_every_transition_of_the_tables_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = []
    for module, name in (
        (connection, "SOCKET_TABLE"),
        (channel, "CHANNEL_TABLE"),
        (fallback, "POLLING_TABLE"),
        (message_list, "BUBBLE_TABLE"),
        (request, "REQUEST_TABLE"),
    ):
        watched.append(Watched(getattr(module, name)))
        monkeypatch.setattr(module, name, watched[-1])

    for tour in (*_tours(), *_send_tours()):
        tour()

    left = {key for table in watched for key in table.keys() - table.visited}
    assert left == set()
