"""Every role against every HTTP route of the chat, with every kind of token.

A route without a row in the table fails, and a row without an expectation for a role does: a new
one of either must be thought about. Expected is the status, and whether anything happened: a
write was committed, or the message was shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from harness.server.auth.tokens import Tokens
from harness.server.chat.routes import api_app, chat_routes
from harness.server.knobs import Knobs
from harness.server.rest.routes import rest_routes
from harness.server.rest.table import METHODS as REST_METHODS
from harness.server.storage.model import Draft
from harness.server.storage.sqlite import SqliteStorage
from harness.server.switches import Switches
from tests.harness.server.asgi import Answer, call
from tests.harness.server.askers import (
    ASKERS,
    AUTHOR,
    BAD_TOKENS,
    MEMBERS,
    NOW_S,
    Expected,
    Forge,
    claims_of,
    expected,
    valid,
)
from tests.harness.server.builders import SECRET, TOKENS, anon_token

ROOM = 42
TEXT = "only for the members of 42"
REST = "/rest/v1/messages"

NO_USER: dict[str, Any] = {"anon": (401, False), "service": (401, False)}
TABLE: Mapping[tuple[str, str], dict[str, Expected]] = {
    ("POST", "/api/messages/create"): expected((403, False), *MEMBERS, **NO_USER),
    ("GET", "/api/messages"): expected((403, False), *MEMBERS, **NO_USER),
    ("HEAD", "/api/messages"): expected((403, False), *MEMBERS, ok=(200, False), **NO_USER),
    ("PATCH", "/api/messages/{id}"): expected(
        (404, False), "moderator", "presenter", "author", attendee=(403, False), **NO_USER
    ),
    ("DELETE", "/api/messages/{id}"): expected(
        (404, False), "moderator", "presenter", "author", attendee=(403, False), **NO_USER
    ),
    ("POST", "/api/messages/{id}/hide"): expected(
        (404, False),
        *("moderator", "presenter"),
        attendee=(403, False),
        author=(403, False),
        **NO_USER,
    ),
    ("POST", "/api/messages/{id}/unhide"): expected(
        (404, False),
        *("moderator", "presenter"),
        attendee=(403, False),
        author=(403, False),
        **NO_USER,
    ),
    ("GET", "/health"): expected((200, False)),
    ("HEAD", "/health"): expected((200, False)),
    # Who may not read finds nothing, and changes what was not found: the policies' way.
    ("GET", REST): expected((200, False), "service", *MEMBERS),
    ("HEAD", REST): expected((200, False)),
    ("OPTIONS", REST): expected((200, False)),
    ("POST", REST): expected((403, False), "service", *MEMBERS, ok=(201, True), anon=(401, False)),
    ("PATCH", REST): expected((200, False), "service", "moderator", "presenter", "author"),
    ("DELETE", REST): expected((200, False), "service", "moderator", "presenter", "author"),
}
OPEN = {("GET", "/health"), ("HEAD", "/health")}
"""Routes that ask for no token."""


class Chat:
    """Both applications over one storage with one message of the author."""

    def __init__(self, storage: SqliteStorage) -> None:
        self.storage = storage
        self.switches = switches = Switches(Knobs())
        tokens = Tokens(SECRET, TOKENS.wall_time, switches=switches)
        self.api = api_app(storage, tokens, switches, asyncio.Event(), lambda: NOW_S)
        self.rest = Starlette(routes=rest_routes(storage, tokens, switches, lambda: NOW_S))
        draft = Draft(
            webinar_id=ROOM,
            user_id=AUTHOR,
            client_msg_id="66666666-1111-4111-8111-111111111111",
            body=TEXT,
            created_at="2026-11-23T10:00:00.000000+00:00",
        )
        self.row = asyncio.run(storage.create(draft)).row

    def commits(self) -> int:
        return len(asyncio.run(self.storage.commits(1, 100)))

    def ask(self, method: str, path: str, token: str, user_id: str, key: str) -> Answer:
        headers = [("Authorization", f"Bearer {token}"), ("apikey", key)]
        if path == REST:
            headers.append(("Prefer", "return=representation"))
            return asyncio.run(call(self.rest, method, *self._rest(method, user_id), headers))
        return asyncio.run(call(self.api, method, *self._api(path), headers))

    def _api(self, path: str) -> tuple[str, Any]:
        message = {"webinarId": ROOM, "clientMsgId": self.row.client_msg_id, "body": "new"}
        query = "?webinarId=42&after=0" if path == "/api/messages" else ""
        return path.replace("{id}", str(self.row.id)) + query, message

    def _rest(self, method: str, user_id: str) -> tuple[str, Any]:
        if method == "POST":
            # The service writes in anybody's name; whoever is nobody tries the author's.
            row = {"webinar_id": ROOM, "user_id": user_id or AUTHOR, "body": "new"}
            return f"{REST}?select=id", row
        return f"{REST}?id=eq.{self.row.id}", {"body": "new"}


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    storage = SqliteStorage(tmp_path / "chat.db", lambda changes: None)
    yield Chat(storage)
    storage.close()


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chat]:
    """For all requests that change nothing."""
    storage = SqliteStorage(tmp_path_factory.mktemp("refusing") / "chat.db", lambda changes: None)
    yield Chat(storage)
    storage.close()


def happened(chat: Chat, method: str, answer: Answer) -> bool:
    """Whether something was committed, or the message shown to who only reads."""
    shown = method == "GET" and TEXT.encode() in answer.content
    return shown or chat.commits() > 0


def served_routes(chat: Chat) -> set[tuple[str, str]]:
    routes = chat_routes(chat.storage, TOKENS, Switches(Knobs()), asyncio.Event(), lambda: NOW_S)
    served = {(method, one.path) for one in routes for method in methods_of(one)}
    return served | {(method, REST) for method in REST_METHODS}


def methods_of(route: Route) -> set[str]:
    assert route.methods is not None
    return route.methods


def test_the_table_has_every_route_and_every_role(refusing: Chat) -> None:
    assert set(TABLE) == served_routes(refusing)
    assert all(set(row) == set(ASKERS) for row in TABLE.values())


CASES = [(method, path, asker) for (method, path) in TABLE for asker in ASKERS]


@pytest.mark.parametrize(("method", "path", "asker"), CASES)
def test_a_role_may_do_what_the_table_says_and_no_more(
    chat: Chat, method: str, path: str, asker: str
) -> None:
    user_id = ASKERS[asker][1]
    answer = chat.ask(method, path, valid(claims_of(asker)), user_id, anon_token())

    # The author's own repeated send is answered with the row that is there: no commit.
    repeated = (method, path, asker) == ("POST", "/api/messages/create", "author")
    status, effect = TABLE[method, path][asker]
    assert (answer.status, happened(chat, method, answer)) == (status, effect and not repeated)


@pytest.mark.parametrize("forge", BAD_TOKENS)
@pytest.mark.parametrize(("method", "path"), [one for one in TABLE if one not in OPEN])
def test_a_bad_token_opens_nothing_whoever_it_claims_to_be(
    refusing: Chat, method: str, path: str, forge: Forge
) -> None:
    for asker in ASKERS:
        token = forge(claims_of(asker))
        answer = refusing.ask(method, path, token, ASKERS[asker][1], anon_token())

        assert answer.status == 401, asker
        assert TEXT.encode() not in answer.content
    assert refusing.commits() == 0


@pytest.mark.parametrize("forge", BAD_TOKENS)
@pytest.mark.parametrize("method", [method for method, path in TABLE if path == REST])
def test_a_bad_key_opens_nothing_whoever_stands_behind_it(
    refusing: Chat, method: str, forge: Forge
) -> None:
    good = valid(claims_of("presenter"))
    for key in (forge(claims_of("anon")), forge(claims_of("service")), good):
        answer = refusing.ask(method, REST, good, ASKERS["presenter"][1], key)

        assert answer.status == 401
    assert refusing.commits() == 0


@pytest.mark.parametrize(("method", "path"), [one for one in TABLE if one not in OPEN])
def test_the_issuer_of_a_token_counts_where_a_knob_says_which(
    chat: Chat, method: str, path: str
) -> None:
    elsewhere = valid({**claims_of("presenter"), "iss": "https://elsewhere.example/auth/v1"})
    user_id = ASKERS["presenter"][1]
    chat.switches.knobs = Knobs(required_issuer="https://here.example/auth/v1")
    refused = chat.ask(method, path, elsewhere, user_id, anon_token())
    assert (refused.status, happened(chat, method, refused)) == (401, False)
    chat.switches.knobs = Knobs()

    # The hosted service does not look at it.
    believed = chat.ask(method, path, elsewhere, user_id, anon_token())
    assert believed.status == TABLE[method, path]["presenter"][0]


@pytest.mark.parametrize("asker", sorted(ASKERS))
def test_nobody_reads_a_room_that_is_not_theirs(refusing: Chat, asker: str) -> None:
    """Whatever is asked for: no filter, or a filter on another room."""
    token, key = valid(claims_of(asker)), anon_token()
    headers = [("Authorization", f"Bearer {token}"), ("apikey", key)]
    mine = TABLE["GET", REST][asker][1]
    for query in ("", "?webinar_id=eq.42", "?webinar_id=neq.43", "?id=in.(1,2)", "?order=body"):
        answer = asyncio.run(call(refusing.rest, "GET", REST + query, b"", headers))

        assert (TEXT.encode() in answer.content) == mine
