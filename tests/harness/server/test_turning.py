"""Every knob is live: turning it changes what the same running parts do next."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.server.knobs import Knobs
from harness.server.realtime.shell import Realtime
from harness.server.storage.sqlite import SqliteStorage
from harness.server.switches import Switches, Turn
from harness.wire.phoenix import Frame, payload
from tests.harness.server.auth.project import Project
from tests.harness.server.builders import TOKENS, join_frame, push
from tests.harness.server.chat.api import Api, good
from tests.harness.server.realtime.memory import Page, realtime, run_hastily
from tests.harness.server.realtime.turning import RULES, Case, World
from tests.harness.server.rest.api import RestApi

ELSEWHERE = {"keep_alive_s"}
"""Shown on sockets, in test_turning_e2e."""


@pytest.mark.parametrize("name", RULES)
def test_a_rule_of_realtime_follows_its_knob(name: str) -> None:
    case = RULES[name]
    world = World(case.knobs, case.defects)
    assert case.look(world) == case.before

    world.switches.turn(Turn({name: case.value}))
    world.rooms.turned(world.now_s)

    assert case.look(world) == case.after


def token_issuer_holds(project: Project) -> str:
    return type(project.tokens.verify(project.enrol().access.token, project.now_s)).__name__


def lifetime(project: Project) -> int:
    return project.enrol().access.expires_in_s


def refreshed_twice(project: Project) -> int:
    """The status of the first use of a refresh token again, 20 s later."""
    token = project.enrol().refresh_token
    project.refresh(token)
    project.refresh(project.refresh(token).json()["refresh_token"])
    project.now_s += 20.0
    return project.refresh(token).status_code


def refreshed_late(project: Project) -> int:
    token = project.enrol().refresh_token
    project.now_s += 100.0
    return project.refresh(token).status_code


def refused_of_forty(project: Project) -> int:
    return [project.refresh("none").status_code for _ in range(40)].count(429)


AUTH = {
    "required_issuer": Case(token_issuer_holds, "Claims", "https://other.example", "Refusal"),
    "access_token_lifetime_s": Case(lifetime, 3600, 60, 60),
    "refresh_reuse_interval_s": Case(refreshed_twice, 400, 60.0, 200),
    "session_timebox_s": Case(refreshed_late, 200, 50.0, 400),
    "auth_rate_limit_per_5min": Case(refused_of_forty, 0, 1, 10),
}


@pytest.mark.parametrize("name", AUTH)
def test_a_rule_of_auth_follows_its_knob(name: str) -> None:
    case = AUTH[name]
    project = Project()
    with closing(project.store):
        assert case.look(project) == case.before
        project.switches.turn(Turn({name: case.value}))
        assert case.look(project) == case.after


_ids = itertools.count(1)


def send(api: Api, body: str) -> Any:
    return api.post({**good(next(_ids)), "body": body})


def spoiled_send(api: Api) -> int:
    """The status of a send that is none of the one in 20."""
    api.plant("html-error")
    status: int = send(api, "x").status
    return status


HTTP = {
    "max_request_bytes": Case(lambda api: send(api, "x" * 2000).status, 200, 1000, 413),
    "max_body_chars": Case(lambda api: send(api, "x" * 2000).status, 200, 1000, 400),
    "cors_origins": Case(
        lambda api: api.get("/api/x").headers.get("access-control-allow-origin"), "*", "", None
    ),
    "poll_max_age_s": Case(
        lambda api: api.get("/api/messages?webinarId=42&after=0").headers["cache-control"],
        "no-store",
        5,
        "public, max-age=5",
    ),
    "strike_all": Case(spoiled_send, 200, "html-error", 502),
}


@pytest.mark.parametrize("name", HTTP)
def test_a_rule_of_the_api_follows_its_knob(name: str, tmp_path: Path) -> None:
    case = HTTP[name]
    with closing(SqliteStorage(tmp_path / "chat.db", lambda changes: None)) as storage:
        api = Api(storage)
        assert case.look(api) == case.before
        api.switches.turn(Turn({name: case.value}))
        assert case.look(api) == case.after


def test_the_most_rows_of_postgrest_follow_their_knob(tmp_path: Path) -> None:
    with closing(SqliteStorage(tmp_path / "chat.db", lambda changes: None)) as storage:
        api = RestApi(storage)
        for number in range(3):
            api.insert(client_msg_id=good(number)["clientMsgId"])
        assert len(api.ask("GET").json()) == 3
        api.switches.turn(Turn({"rest_max_rows": 2}))
        assert len(api.ask("GET").json()) == 2


async def heard(page: Page) -> int:
    page.says(Frame(None, "1", "phoenix", "heartbeat", payload({})))
    return len(page.heard())


async def cut_off(page: Page) -> bool:
    page.transport.unsent_bytes = 1000
    page.says(Frame(None, "1", "phoenix", "heartbeat", payload({})))
    return page.transport.aborted


async def ended(page: Page) -> bool:
    page.says(join_frame())
    return page.transport.ended


async def refused_at_once(page: Page) -> bool:
    await asyncio.sleep(1.0)
    return page.transport.closed


SOCKETS = {
    "max_unsent_bytes": Case(cut_off, False, 100, True),
    "max_frame_bytes": Case(ended, False, 10, True),
    "accept_then_close": Case(ended, False, 1001, True),
    "half_open": Case(heard, 1, True, 0),
    "connect_error_backoff_s": Case(refused_at_once, False, 0.0, True),
}


@pytest.mark.parametrize("name", SOCKETS)
def test_a_rule_of_sockets_follows_its_knob(name: str) -> None:
    case = SOCKETS[name]
    query = "apikey=none" if name == "connect_error_backoff_s" else None

    async def run() -> tuple[Any, Any]:
        server = realtime()
        first = Page(server, query)
        before = await case.look(first)
        server.switches.turn(Turn({name: case.value}))
        second = Page(server, query)
        after = await case.look(second)
        first.leaves()
        second.leaves()
        return before, after

    assert run_hastily(run()) == (case.before, case.after)


async def cut_off_after_a_turn(knob: str, value: float, *, then_s: float) -> tuple[bool, bool]:
    """Whether a page that left its channel was closed or cut off, in the loop's time."""
    switches = Switches(Knobs())
    server = Realtime(TOKENS, switches, asyncio.get_running_loop().time)
    page = Page(server)
    page.says(join_frame())
    page.says(push("phx_leave", {}))
    switches.turn(Turn({knob: value}))
    await asyncio.sleep(then_s)
    seen = (page.transport.ended, page.transport.aborted)
    page.leaves()
    return seen


def test_the_idle_rule_and_the_sweep_of_running_sockets_follow_their_knobs() -> None:
    look = cut_off_after_a_turn

    assert run_hastily(look("idle_timeout_s", 60.0, then_s=8.0)) == (False, False)
    assert run_hastily(look("idle_timeout_s", 5.0, then_s=8.0))[0]
    assert run_hastily(look("no_channel_sweep_s", 5.0, then_s=8.0)) == (False, True)


def test_every_knob_is_shown_to_be_live() -> None:
    shown = {*RULES, *AUTH, *HTTP, *SOCKETS, "rest_max_rows", "idle_timeout_s"}

    assert shown | ELSEWHERE == set(Knobs.__struct_fields__)
