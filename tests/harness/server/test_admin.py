"""The admin port over real parts, without sockets."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from starlette.applications import Starlette

from harness.commitlog import Subscription
from harness.server.admin import MAX_BODY_BYTES, admin_app
from harness.server.auth import bulk
from harness.server.auth.bulk import account_routes
from harness.server.auth.opening import open_auth
from harness.server.auth.store import IN_MEMORY, AuthStore
from harness.server.defects import Defect
from harness.server.knobs import Knobs
from harness.server.realtime.shell import Realtime
from harness.server.realtime.subscription_log import BLOCK_LINES
from harness.server.stats import LoopLag
from harness.server.storage.sqlite import SqliteStorage
from harness.server.switches import Switches
from tests.harness.server.builders import TOKENS, UNIX_START_S, subscription


@contextmanager
def admin(
    tmp_path: Path, switches: Switches, subscriptions: Iterable[Subscription] = ()
) -> Iterator[Starlette]:
    realtime = Realtime(TOKENS, switches, lambda: 0.0)
    for one in subscriptions:
        realtime.subscriptions.append(one)
    with (
        closing(SqliteStorage(tmp_path / "chat.db", lambda changes: None, busy_s=0.02)) as storage,
        closing(AuthStore(IN_MEMORY)) as store,
        closing(realtime.subscriptions),
    ):
        auth = open_auth(store, TOKENS, "HS256", "http://project.test")
        accounts = account_routes(auth, lambda: float(UNIX_START_S))
        yield admin_app(storage, realtime, switches, LoopLag(lambda: 0.0), accounts)


def asked(
    tmp_path: Path,
    switches: Switches,
    method: str,
    path: str,
    *,
    subscriptions: Iterable[Subscription] = (),
    **request: Any,
) -> httpx.Response:
    async def ask() -> httpx.Response:
        with admin(tmp_path, switches, subscriptions) as app:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://admin") as client:
                return await client.request(method, path, **request)

    return asyncio.run(ask())


def test_switches_are_shown_with_every_knob(tmp_path: Path) -> None:
    switches = Switches(Knobs(), frozenset({Defect.EVENT_LOST}))

    answer = asked(tmp_path, switches, "GET", "/switches").json()

    assert set(answer["knobs"]) == set(Knobs.__struct_fields__)
    assert answer["defects"] == ["event-lost"]


def test_switches_turn_while_the_server_runs(tmp_path: Path) -> None:
    switches = Switches(Knobs())
    turn = {"knobs": {"system_ok_delay_s": 2.0}, "defects": ["hang-create"]}

    answer = asked(tmp_path, switches, "PATCH", "/switches", json=turn)

    assert answer.status_code == 200
    assert answer.json()["knobs"]["system_ok_delay_s"] == 2.0
    assert switches == Switches(Knobs(system_ok_delay_s=2.0), frozenset({Defect.HANG_CREATE}))


def test_a_bad_turn_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    switches = Switches(Knobs())
    turn = {"knobs": {"idle_timeout_s": 1.0, "nonsense": 2}}

    answer = asked(tmp_path, switches, "PATCH", "/switches", json=turn)

    assert answer.status_code == 400
    assert "nonsense" in answer.json()["error"]
    assert switches == Switches(Knobs())


def test_what_is_wrong_with_a_turn_is_named(tmp_path: Path) -> None:
    for body, named in ((b"", "there is no body"), (b'{"defects": ["mutt"]}', "defects: mutt: no")):
        refused = asked(tmp_path, Switches(Knobs()), "PATCH", "/switches", content=body)

        assert refused.status_code == 400
        assert named in refused.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/nope", 404, "GET /nope: Not Found"),
        ("POST", "/stats", 405, "POST /stats: Method Not Allowed, this route has "),
    ],
)
def test_a_route_that_is_not_there_is_said_in_one_shape(
    tmp_path: Path, method: str, path: str, status: int, error: str
) -> None:
    answer = asked(tmp_path, Switches(Knobs()), method, path)

    assert answer.status_code == status
    assert answer.json()["error"].startswith(error)
    assert status == 404 or "GET" in answer.headers["allow"]


def test_switches_say_which_defect_can_do_nothing_beside_another(tmp_path: Path) -> None:
    turn = {"defects": ["no-unique-key", "no-idempotency"]}

    answer = asked(tmp_path, Switches(Knobs()), "PATCH", "/switches", json=turn).json()

    (note,) = answer["notes"]
    assert note.startswith("no-idempotency can do nothing beside no-unique-key: ")


def test_subscriptions_are_told_whole_and_from_any_line_on(tmp_path: Path) -> None:
    log = [subscription(number) for number in range(2 * BLOCK_LINES + 3)]

    def told(path: str) -> list[Subscription]:
        answer = asked(tmp_path, Switches(Knobs()), "GET", path, subscriptions=log)
        decode = msgspec.json.Decoder(Subscription).decode
        return [decode(line) for line in answer.content.splitlines()]

    assert told("/subscriptions") == log
    assert told(f"/subscriptions?after={BLOCK_LINES + 1}") == log[BLOCK_LINES + 1 :]
    assert told(f"/subscriptions?after={len(log)}") == []


@pytest.mark.parametrize("route", ["/commits", "/subscriptions"])
def test_a_position_that_is_no_number_is_refused(tmp_path: Path, route: str) -> None:
    answer = asked(tmp_path, Switches(Knobs()), "GET", f"{route}?after=x")

    assert answer.status_code == 400


def test_a_turn_that_does_not_go_with_what_holds_is_refused_and_changes_nothing(
    tmp_path: Path,
) -> None:
    switches = Switches(Knobs())
    turn = {"knobs": {"resubscribe_max_s": 0.5}, "defects": ["hang-create"]}

    answer = asked(tmp_path, switches, "PATCH", "/switches", json=turn)

    line = "switches: resubscribe_min_s=1: must be at most resubscribe_max_s=0.5"
    assert (answer.status_code, answer.json()) == (400, {"error": line})
    assert switches == Switches(Knobs())


def test_a_commit_log_that_cannot_be_read_is_503_with_one_line(tmp_path: Path) -> None:
    SqliteStorage(tmp_path / "chat.db", lambda changes: None).close()
    with closing(sqlite3.connect(tmp_path / "chat.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = asked(tmp_path, Switches(Knobs()), "GET", "/commits")

    assert answer.status_code == 503
    assert answer.json() == {"error": "the commit log cannot be read: database is locked"}


def test_stats_tell_how_the_storage_is_and_whether_its_key_holds(tmp_path: Path) -> None:
    answer = asked(tmp_path, Switches(Knobs()), "GET", "/stats").json()

    assert (answer["storage"], answer["unique_key_holds"]) == ("ok", True)


TAKES = [
    ("PATCH", "/switches", MAX_BODY_BYTES),
    ("POST", "/sockets/close", MAX_BODY_BYTES),
    ("POST", "/channels/close", MAX_BODY_BYTES),
    ("POST", "/channels/crash", MAX_BODY_BYTES),
    ("POST", "/accounts", bulk.MAX_BODY_BYTES),
]


@pytest.mark.parametrize(("method", "path", "most_bytes"), TAKES)
@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_its_limit_answers_413_in_one_line(
    tmp_path: Path, method: str, path: str, most_bytes: int, declared: bool
) -> None:
    async def chunks(size: int) -> AsyncIterator[bytes]:
        yield b"\n" * size

    for more, status in ((0, {200, 400}), (1, {413})):
        size = most_bytes + more
        content: Any = b"\n" * size if declared else chunks(size)
        answer = asked(tmp_path, Switches(Knobs()), method, path, content=content)
        assert answer.status_code in status
    assert answer.json() == {"error": f"the body must not exceed {most_bytes} bytes"}


@pytest.mark.parametrize(("method", "path", "_"), TAKES)
@pytest.mark.parametrize("body", [b"[" * 50_000, b'"\xff"', b"{", b'{"nonsense": "\xff"}'])
def test_a_body_that_cannot_be_read_is_refused_in_one_line(
    tmp_path: Path, method: str, path: str, _: int, body: bytes
) -> None:
    answer = asked(tmp_path, Switches(Knobs()), method, path, content=body)

    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize(("method", "path", "_"), TAKES)
def test_a_body_that_was_cut_off_is_answered_as_that(
    tmp_path: Path, method: str, path: str, _: int
) -> None:
    messages = iter(
        [
            {"type": "http.request", "body": b"{", "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    async def ask() -> None:
        with admin(tmp_path, Switches(Knobs())) as app:
            scope = {"type": "http", "method": method, "path": path, "headers": []}
            await app({**scope, "query_string": b""}, receive, send)

    asyncio.run(ask())

    assert sent[0]["status"] == 400
    assert sent[1]["body"] == b'{"error":"the request was cut off"}'
