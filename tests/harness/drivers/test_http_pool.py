"""The connections of one page: kept, few, never repeating, closed when given up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import pytest
from gevent.event import Event

from harness.client.browser import CHROME, Browser
from harness.drivers.http_pool import Answer, HttpPool, NoAnswer
from tests.support.tiny_servers import Address, reset, serving, until, unused_address

pytestmark = pytest.mark.e2e

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Api:
    """Counts connections and requests; ``answer`` says what each request gets."""

    def __init__(self, answer: Callable[[Any], None] | bytes = OK) -> None:
        self._answer = answer
        self.connections = 0
        self.requests: list[bytes] = []
        self.ended = 0
        """Connections that the client has closed."""

    def __call__(self, connection: Any) -> None:
        self.connections += 1
        while request := self._read(connection):
            self.requests.append(request)
            if callable(self._answer):
                self._answer(connection)
            else:
                connection.sendall(self._answer)
        self.ended += 1

    @staticmethod
    def _read(connection: Any) -> bytes:
        """One request with its body; empty at the end of the connection."""
        got = b""
        while b"\r\n\r\n" not in got:
            data = connection.recv(65_536)
            if not data:
                return b""
            got += data
        head, _, body = got.partition(b"\r\n\r\n")
        length = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
        while length and len(body) < int(length[0].split()[1]):
            body += connection.recv(65_536)
        return head + b"\r\n\r\n" + body


def pool_at(address: Address, browser: Browser = CHROME) -> HttpPool:
    return HttpPool(address, "localhost", {"Authorization": "Bearer t"}, browser)


class Repeats:
    """Counts the repetitions that a pool tells of."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def get(pool: HttpPool, on_repeat: Callable[[], None] = lambda: None) -> Answer:
    with gevent.Timeout(10.0):
        return pool.request("GET", "/api/messages?webinarId=1", None, on_repeat)


def test_a_request_is_sent_as_written_and_answered() -> None:
    api = Api(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n{...}")
    with serving(api) as address:
        pool = pool_at(address)
        answer = pool.request("POST", "/api/messages/create", '{"body":"안녕"}'.encode(), Repeats())
        pool.close()

    assert answer == Answer(404, b"{...}")
    head, _, body = api.requests[0].partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /api/messages/create HTTP/1.1",
        f"Host: localhost:{address[1]}".encode(),
        b"Authorization: Bearer t",
        b"Content-Length: 17",
    ]
    assert body == '{"body":"안녕"}'.encode()


def test_another_token_is_carried_by_the_requests_that_follow() -> None:
    api = Api()
    with serving(api) as address:
        pool = pool_at(address)
        get(pool)
        pool.use_token("renewed")
        get(pool)
        pool.close()

    carried = [
        [line for line in request.split(b"\r\n") if line.startswith(b"Authorization")]
        for request in api.requests
    ]
    assert carried == [[b"Authorization: Bearer t"], [b"Authorization: Bearer renewed"]]


def test_a_connection_is_kept_for_the_next_request() -> None:
    api = Api()
    with serving(api) as address:
        pool = pool_at(address)
        bodies = [get(pool).body for _ in range(3)]
        pool.close()

    assert bodies == [b"ok"] * 3
    assert (api.connections, len(api.requests)) == (1, 3)


def test_an_answer_in_chunks_is_read_whole_and_the_connection_kept() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"
    api = Api(chunked)
    with serving(api) as address:
        pool = pool_at(address)
        bodies = [get(pool).body, get(pool).body]
        pool.close()

    assert bodies == [b"ok", b"ok"]
    assert api.connections == 1


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    def answer(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nas long as it takes")
        connection.shutdown(1)

    api = Api(answer)
    with serving(api) as address:
        answered = get(pool_at(address))

    assert answered == Answer(200, b"as long as it takes")


def test_a_connection_that_the_server_wants_closed_is_not_kept() -> None:
    api = Api(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
    with serving(api) as address:
        pool = pool_at(address)
        get(pool)
        get(pool)

    assert api.connections == 2


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced_unused() -> None:
    def answer(connection: Any) -> None:
        connection.sendall(OK)
        connection.shutdown(1)

    api = Api(answer)
    with serving(api) as address:
        pool = pool_at(address)
        get(pool)
        gevent.sleep(0.05)  # the FIN has come
        assert get(pool).body == b"ok"
        pool.close()

    assert (api.connections, len(api.requests)) == (2, 2)


def test_a_kept_connection_with_something_to_read_is_replaced_unused() -> None:
    api = Api(OK + b"rubbish")
    with serving(api) as address:
        pool = pool_at(address)
        with pytest.raises(NoAnswer):
            get(pool)
        with pytest.raises(NoAnswer):
            get(pool)
        pool.close()

    assert api.connections == 2


def shut(connection: Any) -> None:
    connection.shutdown(2)


def too_late(connection: Any) -> None:
    connection.sendall(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")


def half_a_head(connection: Any) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-")
    connection.shutdown(2)


def half_a_body(connection: Any) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\nhalf")
    connection.shutdown(2)


def breaking(end: Callable[[Any], None], *requests: int) -> Api:
    """An API where these requests, counted from 1, end so; the others are answered."""

    def answer(connection: Any) -> None:
        if len(api.requests) in requests:
            end(connection)
        else:
            connection.sendall(OK)

    api = Api(answer)
    return api


@pytest.mark.parametrize("end", [reset, shut, too_late])
def test_h7_a_post_on_a_kept_connection_that_breaks_before_an_answer_is_sent_again(
    end: Callable[[Any], None],
) -> None:
    api, repeats = breaking(end, 2), Repeats()
    with serving(api) as address:
        pool = pool_at(address)
        get(pool)
        answer = pool.request("POST", "/api/messages/create", b"{}", repeats)
        pool.close()

    assert answer == Answer(200, b"ok")
    assert (api.connections, repeats.count) == (2, 1)
    assert api.requests[1] == api.requests[2]


@pytest.mark.parametrize("end", [reset, shut])
def test_h7_a_new_connection_that_breaks_is_not_tried_again(end: Callable[[Any], None]) -> None:
    api, repeats = breaking(end, 1, 2, 3, 4), Repeats()
    with serving(api) as address, pytest.raises(NoAnswer):
        get(pool_at(address), repeats)

    assert (len(api.requests), repeats.count) == (1, 0)


def test_h7_kept_connections_are_tried_until_none_is_left_and_then_a_new_one() -> None:
    gate = Event()

    def answer(connection: Any) -> None:
        if len(api.requests) <= 3:
            gate.wait()
            connection.sendall(OK)
        else:
            reset(connection)

    api, repeats = Api(answer), Repeats()
    with serving(api) as address:
        pool = pool_at(address)
        three = [gevent.spawn(get, pool) for _ in range(3)]
        until(lambda: len(api.requests) == 3)
        gate.set()
        gevent.joinall(three, timeout=5)
        with pytest.raises(NoAnswer):
            get(pool, repeats)

    assert (api.connections, len(api.requests), repeats.count) == (4, 3 + 4, 3)


@pytest.mark.parametrize("end", [half_a_head, half_a_body])
def test_h7_what_had_begun_to_be_answered_is_not_sent_again(end: Callable[[Any], None]) -> None:
    api, repeats = breaking(end, 2), Repeats()
    with serving(api) as address:
        pool = pool_at(address)
        get(pool)
        with pytest.raises(NoAnswer):
            get(pool, repeats)

    assert (api.connections, len(api.requests), repeats.count) == (1, 2, 0)


@pytest.mark.parametrize("end", [reset, shut])
def test_a_browser_that_repeats_nothing_says_that_there_is_no_answer(
    end: Callable[[Any], None],
) -> None:
    api = breaking(end, 2)
    with serving(api) as address:
        pool = pool_at(address, Browser(name="careful", repeats_requests=False))
        get(pool)
        with pytest.raises(NoAnswer):
            get(pool)
        gevent.sleep(0.05)  # a repetition would have come by now

    assert (api.connections, len(api.requests)) == (1, 2)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\nhalf",
        b"HTTP/1.1 200",
        b"this is not HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"",
    ],
    ids=["half-a-body", "half-a-head", "no-http", "no-number", "bad-chunk", "nothing"],
)
def test_what_is_no_whole_answer_is_none(answer: bytes) -> None:
    def answer_and_end(connection: Any) -> None:
        connection.sendall(answer)
        connection.shutdown(1)

    with serving(Api(answer_and_end)) as address, pytest.raises(NoAnswer):
        get(pool_at(address))


def test_a_refused_connection_is_no_answer_and_says_why() -> None:
    with pytest.raises(NoAnswer, match="refused"):
        get(pool_at(unused_address()))


def test_six_connections_are_the_most_and_the_rest_wait_their_turn() -> None:
    go = Event()

    def answer(connection: Any) -> None:
        go.wait()
        connection.sendall(OK)

    api = Api(answer)
    with serving(api) as address:
        pool = pool_at(address)
        asking = [gevent.spawn(get, pool) for _ in range(9)]
        until(lambda: len(api.requests) == CHROME.connections_per_host)
        gevent.sleep(0.05)  # a seventh would have come by now
        assert len(api.requests) == 6
        go.set()
        gevent.joinall(asking, timeout=10.0, raise_error=True)
        pool.close()

    assert [one.value.body for one in asking] == [b"ok"] * 9
    assert (api.connections, len(api.requests)) == (6, 9)


def test_an_aborted_request_closes_its_connection_and_frees_its_place() -> None:
    api = Api(
        lambda connection: gevent.sleep(0) if len(api.requests) < 7 else connection.sendall(OK)
    )
    with serving(api) as address:
        pool = pool_at(address)
        hanging = [gevent.spawn(get, pool) for _ in range(6)]
        until(lambda: len(api.requests) == 6)

        hanging[0].kill()
        until(lambda: api.ended == 1)
        assert get(pool).body == b"ok"

        gevent.killall(hanging)
        pool.close()
        until(lambda: api.ended == 7)


def test_a_request_that_is_aborted_in_the_queue_leaves_the_others_alone() -> None:
    go = Event()

    def answer(connection: Any) -> None:
        go.wait()
        connection.sendall(OK)

    api = Api(answer)
    with serving(api) as address:
        pool = pool_at(address)
        asking = [gevent.spawn(get, pool) for _ in range(8)]
        until(lambda: len(api.requests) == 6)
        asking[6].kill()
        go.set()
        gevent.joinall(asking, timeout=10.0, raise_error=True)
        pool.close()

    assert len(api.requests) == 7
    assert asking[7].value.body == b"ok"


def test_closing_ends_the_idle_connections() -> None:
    api = Api()
    with serving(api) as address:
        pool = pool_at(address)
        get(pool)
        assert api.ended == 0

        pool.close()

        until(lambda: api.ended == 1)
