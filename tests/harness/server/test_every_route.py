"""Every route of every port, as the process puts them together, is in one of the tables of who may
do what; and nobody but a program of this machine gets through to the admin port."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Mount, Route

from harness.server.admin import admin_app
from harness.server.admin_guard import AdminGuard
from harness.server.auth.bulk import account_routes
from harness.server.auth.opening import open_auth
from harness.server.auth.routes import PREFIX as AUTH
from harness.server.auth.store import IN_MEMORY, AuthStore
from harness.server.chat.routes import api_app
from harness.server.edge import Edge
from harness.server.knobs import Knobs
from harness.server.page.app import SESSION_PATH, with_page
from harness.server.project import project_app
from harness.server.realtime.shell import Realtime
from harness.server.rest.routes import PREFIX as REST
from harness.server.stats import LoopLag
from harness.server.storage.sqlite import SqliteStorage
from harness.server.switches import Switches
from tests.harness.server.asgi import call
from tests.harness.server.askers import ASKERS, NOW_S, claims_of, valid
from tests.harness.server.builders import SECRET, TOKENS, UNIX_START_S
from tests.harness.server.realtime import test_who_may_broadcast as of_broadcasts
from tests.harness.server.test_who_may_what import TABLE as OF_CHAT_AND_REST

Routes = set[tuple[str, str]]

OPEN_TO_ALL: Routes = {
    # They tell nothing of anybody; the page, which gives an account to whoever asks, is for a
    # machine of one's own (docs/chat-page.md).
    *((method, "/health") for method in ("GET", "HEAD")),
    *((method, SESSION_PATH) for method in ("GET", "HEAD")),
    *((method, "/") for method in ("GET", "HEAD")),
}
BEHIND_ONE_ROUTE = {f"{AUTH}/{{path:path}}", REST, f"{REST}/{{path:path}}"}
"""Auth and REST look at paths themselves; their own tables have what stands behind."""
ADMIN = {
    ("GET", "/health"),
    ("GET", "/commits"),
    ("GET", "/subscriptions"),
    ("GET", "/stats"),
    ("GET", "/switches"),
    ("PATCH", "/switches"),
    ("POST", "/accounts"),
    ("POST", "/sockets/close"),
    ("POST", "/channels/close"),
    ("POST", "/channels/crash"),
}


@dataclass
class Ports:
    """The applications of the three, as the process has them."""

    api: Any
    realtime: Any
    admin: Any
    switches: Switches


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[Ports]:
    switches = Switches(Knobs())
    realtime = Realtime(TOKENS, switches, lambda: NOW_S)
    with (
        closing(SqliteStorage(tmp_path / "chat.db", lambda changes: None)) as storage,
        closing(AuthStore(IN_MEMORY)) as store,
        closing(realtime.subscriptions),
    ):
        auth = open_auth(store, TOKENS, "HS256", "http://project.test")
        api = api_app(storage, TOKENS, switches, asyncio.Event(), lambda: NOW_S)
        accounts = account_routes(auth, lambda: UNIX_START_S + NOW_S)
        admin = admin_app(storage, realtime, switches, LoopLag(lambda: NOW_S), accounts)
        yield Ports(
            with_page(api, secret=SECRET, realtime_port=1, unix_s=lambda: UNIX_START_S),
            project_app(realtime, auth, storage, TOKENS, switches, clock=lambda: NOW_S),
            AdminGuard(admin, bound_to="127.0.0.1"),
            switches,
        )


def routes_of(app: Any) -> Routes:
    """All methods and paths, through what is wrapped around an application or mounted in it."""
    while isinstance(app, Edge | AdminGuard):
        app = app._app
    found: Routes = set()
    for route in app.routes:
        if isinstance(route, Mount):
            assert route.path == ""
            found |= routes_of(route.app)
        else:
            assert isinstance(route, Route), route
            found |= {(method, route.path) for method in route.methods or {"any"}}
    return found


def without_files(routes: Routes) -> Routes:
    """The page's files are the same for everybody."""
    return {one for one in routes if not one[1].startswith("/page/")}


def test_every_route_of_the_api_port_is_in_a_table(ports: Ports) -> None:
    chat = {one for one in OF_CHAT_AND_REST if not one[1].startswith("/rest/")}

    assert without_files(routes_of(ports.api)) == chat | OPEN_TO_ALL


def test_every_route_of_the_realtime_port_is_in_a_table(ports: Ports) -> None:
    broadcasts = {("POST", route) for route, _, _ in of_broadcasts.CASES}
    served = routes_of(ports.realtime)

    assert {path for _, path in served} >= BEHIND_ONE_ROUTE
    assert {one for one in served if one[1] not in BEHIND_ONE_ROUTE} == broadcasts | {
        ("GET", "/health"),
        ("HEAD", "/health"),
    }


def test_every_route_of_the_admin_port_is_known_here(ports: Ports) -> None:
    served = routes_of(ports.admin)

    assert {one for one in served if one[0] != "HEAD"} == ADMIN
    assert {("GET", path) for method, path in served if method == "HEAD"} <= ADMIN


PAGES = [
    ("origin", "http://evil.test"),
    ("origin", "null"),
    ("sec-fetch-site", "cross-site"),
    ("host", "evil.test:4100"),
]


@pytest.mark.parametrize(("method", "path"), sorted(ADMIN))
def test_a_web_page_gets_nothing_from_the_admin_port_whatever_its_token(
    ports: Ports, method: str, path: str
) -> None:
    for header, value in PAGES:
        for asker in ASKERS:
            headers = {"host": "127.0.0.1:4100", header: value}
            headers["authorization"] = f"Bearer {valid(claims_of(asker))}"
            body = {"defects": ["event-lost"]} if path == "/switches" else {}
            answer = asyncio.run(call(ports.admin, method, path, body, headers.items()))

            assert answer.status == 403
            assert set(answer.json()) == {"error"}
    assert ports.switches == Switches(Knobs())


@pytest.mark.parametrize(("method", "path"), sorted(ADMIN))
def test_no_port_but_the_admin_port_serves_its_routes(ports: Ports, method: str, path: str) -> None:
    if path == "/health":
        return
    for app in (ports.api, ports.realtime):
        assert asyncio.run(call(app, method, path, {}, [])).status == 404
