"""What faults in the browser do to a page, on real sockets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import gevent
import msgspec
import pytest

from harness.client.browser import CHROME, Browser
from harness.drivers.http_pool import HttpPool, NoAnswer
from harness.records import (
    CLOSED_BY_EXTENSION,
    REFUSED_BY_EXTENSION,
    ChannelChanged,
    PersonActed,
    SocketClosed,
    SocketOpened,
)
from harness.runsettings import ActKind
from tests.harness.drivers.test_http_pool import OK, Api, pool_at
from tests.harness.drivers.test_user_driver import Driven, Realtime, driven
from tests.support.tiny_servers import serving, until

pytestmark = pytest.mark.e2e

Acts = Sequence[tuple[float, ActKind]]


def closed(one: Driven) -> list[tuple[int, str]]:
    return [(record.code, record.reason) for record in one.events(SocketClosed)]


def test_t1_an_extension_that_blocks_leaves_the_open_socket_and_refuses_the_next() -> None:
    server = Realtime()
    acts: Acts = [(0.2, "block_sockets")]
    with serving(server) as (_, port), driven(port, acts=acts) as one:
        until(lambda: one.events(PersonActed))
        gevent.sleep(0.1)
        assert closed(one) == []
        server.ends[0].connection.shutdown(2)
        until(lambda: len(closed(one)) == 2)

    assert closed(one)[1] == (1006, REFUSED_BY_EXTENSION)
    assert len(server.ends) == 1  # not a packet of the second
    assert one.crashes == []


def test_t1_an_extension_that_closes_is_1006_at_once_and_a_new_socket_opens() -> None:
    server = Realtime()
    acts: Acts = [(0.2, "cut_sockets")]
    with serving(server) as (_, port), driven(port, acts=acts) as one:
        until(lambda: len(one.events(SocketOpened)) == 2)

    (cut,) = (record for record in one.events(SocketClosed) if record.reason == CLOSED_BY_EXTENSION)
    assert (cut.code, cut.was_open) == (1006, True)
    assert server.close_codes[0] is None  # no Close frame
    assert "errored" in [change.status for change in one.events(ChannelChanged)]


def test_when_the_extension_is_gone_sockets_open_again() -> None:
    server = Realtime()
    acts: Acts = [(0.2, "block_sockets"), (0.2, "cut_sockets"), (0.5, "unblock_sockets")]
    with serving(server) as (_, port), driven(port, acts=acts) as one:
        until(lambda: len(one.events(SocketOpened)) == 2)

    assert closed(one)[0] == (1006, CLOSED_BY_EXTENSION)
    assert len(server.ends) == 2


def test_an_extension_stays_when_the_page_is_opened_anew() -> None:
    server = Realtime()
    acts: Acts = [(0.2, "block_sockets"), (0.25, "leave"), (0.3, "come_back")]
    with serving(server) as (_, port), driven(port, acts=acts) as one:
        until(lambda: (1006, REFUSED_BY_EXTENSION) in closed(one))

    assert len(server.ends) == 1


def test_an_extension_does_nothing_in_a_machine_that_sleeps() -> None:
    server = Realtime()
    acts: Acts = [(0.2, "close_lid"), (0.25, "cut_sockets"), (0.3, "open_lid")]
    with serving(server) as (_, port), driven(port, acts=acts) as one:
        until(lambda: closed(one))

    assert closed(one)[0] == (1006, "suspended")


def test_a_frozen_page_hears_of_a_cut_when_it_runs_again() -> None:
    server = Realtime()
    acts: Acts = [(0.2, "hide"), (0.2, "freeze"), (0.25, "cut_sockets"), (0.4, "show")]
    with serving(server) as (_, port), driven(port, acts=acts) as one:
        until(lambda: closed(one))

    shown_s = one.events(PersonActed)[-1].t_s
    assert one.events(SocketClosed)[0].t_s >= shown_s


# -- H7 -------------------------------------------------------------------------------------


@contextmanager
def asking(api: Api, browser: Browser = CHROME) -> Iterator[HttpPool]:
    with serving(api) as address:
        pool = pool_at(address, browser)
        yield pool
        pool.close()


def kept(pool: HttpPool) -> None:
    """Have one connection that is kept."""
    pool.request("GET", "/", None, pytest.fail)


def test_h7_a_post_is_sent_again_after_the_server_has_done_its_work() -> None:
    api, repeats = Api(), []
    with asking(api) as pool:
        kept(pool)
        pool.break_posts(True)
        answer = pool.request("POST", "/", b"{}", lambda: repeats.append(len(api.requests)))

    assert answer.status == 200
    assert repeats == [2]  # the first POST was there before the second went out
    assert [request[:4] for request in api.requests] == [b"GET ", b"POST", b"POST"]
    assert api.connections == 2


def test_h7_each_post_breaks_once_however_many_connections_are_kept() -> None:
    api = Api(lambda connection: (gevent.sleep(0.05), connection.sendall(OK)))  # type: ignore[arg-type]
    with asking(api) as pool:
        gevent.joinall([gevent.spawn(kept, pool) for _ in range(3)], raise_error=True)
        pool.break_posts(True)
        repeats: list[int] = []
        pool.request("POST", "/", b"{}", lambda: repeats.append(1))

    assert repeats == [1]
    assert api.connections == 3


@pytest.mark.parametrize("first", [False, True])
def test_h7_spares_reads_fresh_connections_and_what_comes_after_it(first: bool) -> None:
    api = Api()
    with asking(api) as pool:
        pool.break_posts(True)
        if first:
            pool.request("POST", "/", b"{}", pytest.fail)
        kept(pool)
        kept(pool)
        pool.break_posts(False)
        pool.request("POST", "/", b"{}", pytest.fail)


def test_h7_a_browser_that_repeats_nothing_gives_the_post_up() -> None:
    browser = msgspec.structs.replace(CHROME, repeats_requests=False)
    with asking(Api(), browser) as pool:
        kept(pool)
        pool.break_posts(True)
        with pytest.raises(NoAnswer, match="broken by a fault"):
            pool.request("POST", "/", b"{}", pytest.fail)


def test_h7_the_plan_switches_it_on_and_off() -> None:
    switched: list[Any] = []

    class Pool:
        def break_posts(self, breaks: bool) -> None:
            switched.append(breaks)

        def request(self, *_: Any) -> Any:
            raise NoAnswer("nobody there")

        def close(self) -> None:
            pass

    options: dict[str, Any] = {"http": Pool()}
    with driven(1, acts=[(0.02, "break_posts"), (0.04, "spare_posts")], **options):
        until(lambda: len(switched) == 2)

    assert switched == [True, False]
