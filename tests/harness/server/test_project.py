"""Everything that a project serves over plain HTTP, behind its one edge."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from starlette import types as asgi

from harness.server.auth.opening import open_auth
from harness.server.auth.store import IN_MEMORY, AuthStore
from harness.server.auth.tokens import Tokens
from harness.server.defects import Defect
from harness.server.knobs import Knobs
from harness.server.project import project_app
from harness.server.realtime.shell import Realtime
from harness.server.storage.sqlite import SqliteStorage
from harness.server.switches import Switches
from tests.harness.server.asgi import Answer, call
from tests.harness.server.builders import SECRET, TOKENS, anon_token, user_token

NOW_S = 100.0
PAGE = "http://page.example"
LIMIT = 500
PARTS = [
    ("POST", "/realtime/v1/api/broadcast"),
    ("POST", "/realtime/v1/api/broadcast/room/events/typing"),
    ("POST", "/auth/v1/signup"),
    ("POST", "/auth/v1/token?grant_type=password"),
    ("POST", "/auth/v1/logout"),
    ("POST", "/rest/v1/messages"),
    ("PATCH", "/rest/v1/messages?id=eq.1"),
]


class Project:
    def __init__(self, storage: SqliteStorage, store: AuthStore) -> None:
        self.switches = Switches(Knobs(max_request_bytes=LIMIT))
        self.stopping = asyncio.Event()
        tokens = Tokens(SECRET, TOKENS.wall_time, switches=self.switches)
        realtime = Realtime(tokens, self.switches, lambda: NOW_S)
        auth = open_auth(store, tokens, "HS256", "http://project.test")
        self._app: asgi.ASGIApp = project_app(
            *(realtime, auth, storage, tokens, self.switches),
            clock=lambda: NOW_S,
            stopping=self.stopping,
        )

    def ask(self, method: str, target: str, body: bytes = b"", *more: tuple[str, str]) -> Answer:
        return asyncio.run(self.asked(method, target, body, *more))

    async def asked(
        self, method: str, target: str, body: bytes = b"", *more: tuple[str, str]
    ) -> Answer:
        own = [("apikey", anon_token()), ("Authorization", f"Bearer {user_token()}")]
        return await call(self._app, method, target, body, [*own, *more])


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with (
        closing(SqliteStorage(tmp_path / "chat.db", lambda changes: None)) as storage,
        closing(AuthStore(IN_MEMORY)) as store,
    ):
        yield Project(storage, store)


@pytest.mark.parametrize(("method", "target"), [*PARTS, ("GET", "/health"), ("GET", "/nothing")])
@pytest.mark.parametrize(
    ("origins", "allowed"),
    [("*", "*"), (PAGE, PAGE), ("http://other.example", None), ("", None)],
)
def test_one_knob_says_for_every_part_whose_pages_may_read(
    project: Project, method: str, target: str, origins: str, allowed: str | None
) -> None:
    project.switches.knobs = Knobs(cors_origins=origins)
    preflight = ("Access-Control-Request-Method", method)
    asked = project.ask("OPTIONS", target, b"", ("Origin", PAGE), preflight)
    answer = project.ask(method, target, b"{}", ("Origin", PAGE))

    assert asked.status == 204
    for one in (asked, answer):
        assert one.headers.get("access-control-allow-origin") == allowed
        assert one.header_names.count("access-control-allow-origin") == (allowed is not None)
        assert "x-request-id" in one.headers


# Broadcasts have the genuine server's own limit.
@pytest.mark.parametrize(("method", "target"), [one for one in PARTS if "/broadcast" not in one[1]])
def test_one_knob_says_for_auth_and_rest_how_much_a_request_may_be(
    project: Project, method: str, target: str
) -> None:
    assert project.ask(method, target, b" " * (LIMIT + 1)).status == 413
    assert project.ask(method, target, b" " * LIMIT).status != 413


def test_auth_hangs_while_its_defect_holds_and_the_rest_of_the_project_goes_on(
    project: Project,
) -> None:
    async def work() -> Answer:
        project.switches.defects = frozenset({Defect.HANG_AUTH})
        hanging = asyncio.create_task(project.asked("GET", "/auth/v1/user"))
        assert (await project.asked("GET", "/rest/v1/messages")).status == 200
        for _ in range(50):
            await asyncio.sleep(0)
        assert not hanging.done()
        project.switches.defects = frozenset()
        assert (await project.asked("GET", "/auth/v1/health")).status == 200
        assert not hanging.done()
        project.stopping.set()
        return await hanging

    answer = asyncio.run(work())

    assert answer.status == 503
    assert answer.json()["msg"] == "the server stops"


def test_what_auth_does_not_serve_is_said_whatever_its_query_holds(project: Project) -> None:
    answer = project.ask("GET", "/auth/v1/otp?x=\x80")

    assert answer.status == 404
    assert answer.json()["msg"].startswith("GET /auth/v1/otp is not served")
